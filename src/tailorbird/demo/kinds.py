"""What kind of thing a product of the Online Retail data is, read from its description.

The data set has no categories and a shop needs some, so the head noun decides: the rules are tried from the top and
the first that matches wins, hence the specific ones ("cake stand", "lunch box") stand above the broad ones ("box",
"decoration").
"""

import re
from collections.abc import Iterator

OTHER = "Other"

# A rule is a kind and the words (regular expressions) that mean it. These settle it whatever else the description says:
_CERTAIN = r"""
Doormats & doorstops: door ?mats?, door ?stops?
Storage & boxes: (?:jewel\w*|trinket|sewing|paper|storage|book|treasure|cigar) box(?:es)?, trinket pot
Hooks, knobs & hangers: (?:drawer|door) knobs?, hooks?, hangers?, string curtain
Necklaces & charms: bag charm, phone charm
Hair accessories & scarves: hair ?\w*, slippers?
Toys & dolls: soft toy, skittles, helicopter, dolls?
Jigsaws, games & magic: jigsaw, playing cards?, magic drawing
Mugs & cups: mugs?, cups? and saucers?, egg ?cups?, beakers?
Frames & albums: photo ?frames?, picture frames?, frame
Kitchen & cutlery: food (?:cover|container), napkin rings?, toast its?, tea towels?
Bathroom & beauty: flannel, tissues, soap dish, towels?
Party tableware: napkins?, balloons?, straws, doil(?:y|ies|eys), party cones?
Cushions & throws: \w*cushion covers?, c cover, floor cushion, quilt
Gift wrap & ribbons: gift ?wraps?, wrap, wrapping, ribbons?, ribbon reel, gift tags?, gift (?:bag|sack)
Signs & wall art: wall art, metal sign, sign, magnets?
Cards: (?:greeting|birthday|christmas|xmas|advent)(?: \w+)? cards?, cards?, invites
Notebooks & stationery: pens?, pencils?, stickers?, sticker sheet, pocket book, organi[sz]er
Garlands & bunting: paper chain, garlands?, bunting, flags
"""

# ... and these are tried after them:
_LIKELY = r"""
Gift vouchers: gift voucher
Hot water bottles & warmers: hot water bottle, hottie, hand warmers?, heat pack, wheat ?bag
Cake stands & domes: cake ?stands?, cakestand, cake dome, \d ?tier, tier
Cake cases & baking: cake cases?, petit four, baking, cookie, cutters?, rolling pin, cake mould, jelly mould,
    mixing bowl, cake tins?, bake, whisk, measuring, cake candles, fondant, icing, fairy cake, muffin, cake decorat,
    cooking set, recipe, mould
Lunch boxes & bottles: lunch ?box, snack box, bento, drinks? bottle, flask, lunch ?boxes, snack ?boxes, water bottle
Bags: bags?, hand ?bag, shopper, back ?pack, satchel, rucksack, tote, wash ?bag, charlotte bag
Purses & travel: purses?, wallet, passport, luggage, suitcase, travel, key ?fob, key ?rings?, umbrella, parasol,
    card holder, phone c\w*, glasses case, spectacle, key ?chain
Earrings: earrings?, ear ?rings?, ear
Bracelets & rings: bracelets?, bangles?, anklet, rings?, brooch, braclet, bracelet\w*
Necklaces & charms: neckl\w*, pendants?, charms?, beads?, locket, choker, chain, lariat, jewell?e?ry, jewel
Hair accessories & scarves: hair, hairband, hair ?clips?, hair ?slide, comb, headband, scarf, scarves, shawl, gloves?,
    slippers?, hat, socks?, feather, tie, flip flops, poncho, tutu, fan, cape, belt
Clocks: clocks?
T-light holders: t ?-?light\w*, tea ?light\w*, votive\w*
Candle holders: candle ?holders?, candle ?sticks?, candelabra, candleholder, candle ?pots?, candle plate, chandelier,
    hurricane, sconce, candle ?lamp, lanterns?, candlestick
Candles & incense: candles?, incense, scent\w*, pot ?pourri, joss, oil burner, diffuser, fragran\w*, burner
Lights & lamps: lights?, lamps?, lamp ?shades?, led, night ?light, torch, bulb, shade
Advent & Christmas: christmas, xmas, advent, reindeer, santa, snow\w*, bauble, tinsel, stocking, nativity, noel,
    holly, angel\w*, rudolph, icicle
Easter: easter, eggs?, chicks?, bunny, bunnies
Garlands & bunting: garlands?, bunting, streamers?, wreaths?, banner, flags?, pom ?poms?, paper chain, honeycomb,
    mobile, windmill, string
Gift wrap & ribbons: wrap, ribbons?, gift tape, tissue paper, tags?, gift ?box, tape, bows?, cello\w*, gift tag,
    gift set
Cards: cards?, postcard, invit\w*
Notebooks & stationery: note ?books?, journals?, pens?, pencils?, rubbers?, erasers?, rulers?, stickers?, note ?pad,
    memo, stationery, sketch ?book, stamps?, calendar, diary, organi[sz]er, letter rack, sharpener, chalk ?board,
    black ?board, memoboard, writing, paper clip, clips?, crayons?, scissors?, address book, letters?, planner,
    paperweight, notes, chalk\w*, photo album, album, file, folder, bookmark, book ?cover, passport, tape measure,
    desk, calculator, scrap ?book, list, envelope
Jigsaws, games & magic: jigsaw, games?, dominoes, puzzle, dice, magic, playing, ludo, snap, cards game, skittles,
    quiz, solitaire, chess, backgammon, pick up, yo ?yo, quoits, tricks, marbles, croquet, kite, skipping, ball
Craft & sewing kits: sewing, knit\w*, felt ?craft, craft, kits?, crochet, wool, buttons?, patches, iron on,
    embroider\w*, origami, paint\w* set, colouring, drawing, make your own, stencil, tapestry, fabric, needle\w*,
    weaving, textile, mosaic
Toys & dolls: dolls?, toys?, teddy, robot, soldier, helicopter, dinosaurs?, babushka, puppets?, rocking horse,
    tractor, plane, car, cars, soft toy, playhouse, play ?house, skull, spinning tops?, spinning, trumpet, harmonica,
    xylophone, train, rattle, ducks?, sucker, dominos, bear, rabbit, monkey, elephant, spaceboy, princess, fairy,
    pirate, cowboy, bubbles?, whistle, periscope, viewer, bead
Mugs & cups: mugs?, cups?, saucers?, beakers?, egg ?cup, tumblers?, goblets?, glasses,
    (?:wine|champagne|milkshake|sundae|shot|liqueur|cocktail) glass\w*
Teapots & jugs: tea ?pots?, jugs?, coffee, pitcher, decanter, cafetiere, milk, tea ?cosy, cosy, tea set, kettle,
    carafe, creamer
Plates & bowls: plates?, bowls?, dish, dishes, platter, ramekin, saucer, soup, dinner set, cereal, tureen, side plate
Party tableware: napkins?, straws?, balloons?, party, paper cups?, paper plates?, serviettes?, doil(?:y|ies),
    cocktail, confetti, birthday, cone
Trays & coasters: trays?, coasters?, place ?mats?, table ?mats?, place setting, place card, table cloth, tablecloth,
    runner, place settings?
Kitchen & cutlery: cutlery, spoons?, forks?, knife, knives, aprons?, tea ?towels?, oven, glove, pantry, scales?,
    kitchen, timer, colander, chopping, pan, frying, jam\w*, peg ?bag, spatula, chopsticks?, bread ?bin, bread,
    bottle opener, corkscrew, grater, strainer, butter, salt, pepper, cruet, tongs, spice, washing up, dustpan,
    ice cube, scoop, herb, sugar, cheese, toast, tea, food, oil, vinegar, bottle, cork, stopper, opener, popcorn,
    biscuit, cannisters?, canister, sieve, bucket, caddy
Tins & jars: tins?, jars?, canisters?, cannisters?, money ?bank, piggy, bank, money ?box, money
Drawers & cabinets: drawers?, cabinets?, cupboard, chest, tables?, chairs?, stool, bench, shelf, shelves, wardrobe,
    racks?, bureau, bookcase, desk tidy, tidy, stand, trunk, screen, hammock, seat, easel, bed
Storage & boxes: box, boxes, baskets?, crate, storage, hamper, bins?, container, nesting, tub, trinket, holder, pots?
Frames & albums: frames?, photo\w*, picture, polaroid, clips photo
Mirrors: mirrors?, mirrored
Hooks, knobs & hangers: hooks?, knobs?, hangers?, hat stand, coat, door ?knob, hanger, peg, pegs, curtain, tie ?back,
    handle, letter ?box, finial, latch
Signs & wall art: signs?, plaques?, wall art, art, print, poster, wall, postbox, street, metal number, number,
    door number, block letter, block word, words?, tiles?, canvas, stickers?, decal, magnets?, gallery, font,
    thermometer, slate, block
Cushions & throws: cushions?, throws?, quilts?, blankets?, bed ?spread, pillow, covers?, rug, bean ?bag, duvet,
    pouffe, mat, filler pad
Doormats & doorstops: door ?mats?, door ?stops?, draught, boot, umbrella stand
Bathroom & beauty: bath\w*, soap, towels?, flannel, sponge, toothbrush, toilet, tissues?, shower, nail, lip, loo,
    plasters?, manicure, cosmetic, perfume, massage, wash, first aid, sewing, potion, talc, hand cream, bathroom,
    pumice, laundry, clothes, ashtray
Garden: garden\w*, plant\w*, watering, bird ?house, bird ?feeder, bird ?table, nest, herb, flower ?pot, trowel,
    seeds?, planters?, trellis, fork, outdoor, picnic, gnome, vases?, wheelbarrow, bird ?bath, insect, shed,
    deck ?chair, lawn, barbecue, bbq, cultivat\w*, grow\w*, greenhouse, hose, twine, terracotta, fly ?swat, beach,
    fishing, spade, cloche, basin, cactus
Artificial flowers: artificial, flowers?, bouquet, petals?, rose, roses, leaf, blossom, sunflower, daisy, daisies,
    tulips?, orchid, lily, geranium, hyacinth, fern, branch, stem
Figures & ornaments: ornaments?, figur\w*, statue, birds?, heart, hearts, bells?, dove, owl, dog, cat, cats?, hen,
    cockerel, butterfl\w*, decorations?, decorative, star, stars, horse, fish, lovebird\w*, frog, toadstool, tree,
    trees, cherub, buddha, cornice, wire, globe, clam, shell, crystal, dec, decs, hanging, apples?, feather, wicker,
    chime
Children's tableware & baby: child\w*, kids?, baby, boys?, girls?, nursery, cot, bib
"""


def _rules(text: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    for line in re.sub(r"\n {4}", " ", text.strip()).splitlines():
        kind, _, words = line.partition(": ")
        yield kind, re.compile(rf"\b(?:{'|'.join(words.split(', '))})\b")


_RULES = (*_rules(_CERTAIN), *_rules(_LIKELY))
_SPACES = re.compile(r"[\s.,/+*]+")

KINDS: tuple[str, ...] = (*(kind for kind, _ in _rules(_LIKELY)), OTHER)


def kind_of(description: str) -> str:
    """The kind of a product from its description (any case); ``"Other"`` when no rule knows a word of it."""
    text = _SPACES.sub(" ", description.lower())
    for kind, pattern in _RULES:
        if pattern.search(text):
            return kind
    return OTHER
