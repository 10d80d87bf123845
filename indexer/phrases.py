"""Texts as people ask for pictures: everyday ones, to judge an index by where a library has no
captions, and strange ones, for which it hardly has a picture."""

from collections.abc import Sequence
from itertools import product

_SUBJECTS = (
    "a dog, two cats, a bird in flight, a horse, cows, a fish, an insect on a leaf, a baby, "
    "children, a woman, a man with a beard, an old couple, a crowd, friends, a bride and "
    "groom, a football team, a runner, a cyclist, a swimmer, skiers, a climber, musicians on "
    "stage, a dancer, a chef, a car, a red bus, a train, a bicycle, a motorcycle, a boat, a "
    "plane, a bridge, a tower, a church, an old house, a skyscraper, a street, a market, a "
    "shop window, a kitchen, a living room, an office, a classroom, a computer screen, a "
    "document, a book, a map, a toy, a birthday cake, a plate of food, fruit, a cup of "
    "coffee, flowers, a tree, a forest path, mountains, a lake, the sea, a beach, a "
    "waterfall, a desert, fields, a garden, clouds, fireworks, a statue, a painting, a sign "
    "with words, a clock, a guitar"
).split(", ")
_SETTINGS = (
    "{}",
    "a photo of {}",
    "{} in the snow",
    "{} at night",
    "{} at sunset",
    "{} in black and white",
    "{} seen from above",
    "a close-up of {}",
    "{} in the rain",
    "{} indoors",
    "{} in bright colours",
    "{} far away",
    "a blurry picture of {}",
    "{} and a person laughing",
)

_STRANGE = (
    "a walrus, a submarine under water, a steam locomotive, an x-ray of a hand, a lunar "
    "eclipse, an electron microscope, a suit of armour, a chess board, a periscope, a hot air "
    "balloon, a coral reef, a volcano erupting, a tornado, the northern lights, a rocket "
    "launch, a satellite in orbit, an oil rig, a nuclear power plant, a wind tunnel, a printing "
    "press, a blast furnace, a circuit board, a floor plan, a weather chart, a page of sheet "
    "music, a crossword puzzle, a passport, a bar code, a postage stamp, a coat of arms, a "
    "mosaic of a saint, a stained glass window, a cave painting, a mummy in a museum, a "
    "dinosaur skeleton, a fossil, a meteorite, an hourglass, a sundial, a compass, a sextant, a "
    "loom, a spinning wheel, an anvil, a cannon, a catapult, a drawbridge, a lighthouse, a "
    "windmill, an igloo, a pagoda, a pyramid, a Viking ship, a gondola, a tram, a cable car, a "
    "snow plough, a combine harvester, a cement mixer, a forklift, a crane lifting a container, "
    "a fire engine, an ambulance, a hearse, a tank, a fighter jet, a helicopter, a parachute, a "
    "kayak, a bobsleigh, a polo match, sumo wrestlers, a fencing match, a bullfight, a sheepdog "
    "trial, a camel caravan, a kangaroo, a penguin, a polar bear, a crocodile, an octopus, a "
    "jellyfish, a seahorse, a shark, a scorpion, a beehive, a spider web, a hummingbird, an "
    "ostrich, a flamingo, a peacock, a bat, a hedgehog, a koala, a giraffe, a cactus, bamboo, a "
    "mushroom, a pumpkin, a pineapple, a lobster, sushi, a wedding cake, a wine cellar, a "
    "cheese wheel, an operating theatre, a dentist at work, a baby in an incubator, a "
    "laboratory with test tubes, a courtroom, a parliament, a voting booth, a stock exchange, a "
    "data centre, a recording studio, a planetarium, an orchestra, a harp, a bagpiper, a puppet "
    "theatre, a ventriloquist, a fakir, a geisha, an astronaut, a diver with a helmet, a miner, "
    "a beekeeper, a glass blower, a shoemaker, a monk reading, a knight on a horse, a clown, a "
    "chimney sweep"
).split(", ")
_PUT = ("{}", "a photo of {}")


def asked_texts() -> Sequence[str]:
    """Returns some thousand different texts, no two that follow one another alike."""
    every = [setting.format(subject) for setting, subject in product(_SETTINGS, _SUBJECTS)]
    stride = 101  # shares no factor with their number, so each comes once
    return [every[at * stride % len(every)] for at in range(len(every))]


def strange_texts() -> Sequence[str]:
    """Returns some hundred texts for things that few libraries hold."""
    return [_PUT[at // 2 % len(_PUT)].format(thing) for at, thing in enumerate(_STRANGE)]
