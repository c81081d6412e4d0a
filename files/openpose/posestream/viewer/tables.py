"""The body models as the page draws them, of `skeletons` and `drawing`: part of `/api/page`."""

from __future__ import annotations

from typing import Any

from ..drawing import PERSON_COLOURS
from ..skeletons import BY_MODEL, FACE_70, HAND_21, Skeleton

Colour = tuple[int, int, int]


def skeletons() -> dict[str, Any]:
    """Return what the page needs to draw people.

    `{models: {NAME: model}, face: model, hand: model, people: colours}`, where a model is
    `{parts: how many, limbs: pairs of parts that are drawn, colours: of the parts}`, a colour is
    red, green, blue (0..255), and `people` has the colours of persons by their number, in turn.
    NAME is OpenPose's, of its flag model_pose.
    """
    return {
        "models": {name: _model(skeleton) for name, skeleton in BY_MODEL.items()},
        "face": _model(FACE_70),
        "hand": _model(HAND_21),
        "people": [_rgb(colour) for colour in PERSON_COLOURS],
    }


def _model(skeleton: Skeleton) -> dict[str, Any]:
    return {
        "parts": len(skeleton.parts),
        "limbs": skeleton.drawn,
        "colours": [_rgb(colour) for colour in skeleton.colours],
    }


def _rgb(colour: Colour) -> Colour:
    blue, green, red = colour
    return red, green, blue
