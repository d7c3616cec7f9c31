"""Conditions: one SQL boolean expression, two executions that agree.

:func:`compile_condition` parses, checks and compiles the text; the :class:`Condition` then answers for one live row
(``test``), says when time alone will change the answer (``next_change``), and writes itself for DuckDB (``to_sql``).
"""

from tailorbird.conditions.condition import Condition, compile_condition
from tailorbird.conditions.types import Column, Kind, list_text

__all__ = ["Column", "Condition", "Kind", "compile_condition", "list_text"]
