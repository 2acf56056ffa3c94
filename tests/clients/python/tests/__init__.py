import pathlib
import sys

_here = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(_here.parents[2] / "sdk" / "python"), str(_here / "blocks")]
