"""Limbs put together to people."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..skeletons import MPI, Skeleton
from .limbs import Limbs
from .rules import Rules, Thresholds

PART_WEIGHT = np.float32(0.1)  # of the scores of both parts, in the order in which limbs are taken
LEGLESS = 4  # with feet, but no more other parts than that, somebody is a leg seen twice


@dataclass
class Person:
    """A person being put together.

    Attributes:
        peaks: the candidate taken for each part.
        count: how many parts were counted when they were given.
        score: the sum of the scores of the parts and limbs that were counted.
    """

    peaks: dict[int, int]
    count: int
    score: float


def join(
    peaks: list[np.ndarray], limbs: Limbs, skeleton: Skeleton, thresholds: Thresholds, rules: Rules
) -> list[Person]:
    """Put limbs together and keep who has enough of them, in OpenPose's order.

    Takes for each part float32 (candidates, 3): x, y, score; and the limbs between them.
    """
    scores = [candidates[:, 2] for candidates in peaks]
    return _kept(_JOINING[rules.joining](scores, limbs, skeleton), skeleton, thresholds)


def _most_trusted_first(scores: list[np.ndarray], limbs: Limbs, skeleton: Skeleton) -> list[Person]:
    """As OpenPose's CUDA code: all limbs together, by the scores of the limb and both its parts."""
    number, start, end = limbs.number, limbs.start, limbs.end
    offsets = np.cumsum([0, *map(len, scores)])
    first, second = np.array(skeleton.limbs)[number].T
    flat = np.concatenate(scores)
    trust = limbs.score + PART_WEIGHT * flat[offsets[first] + start]
    trust += PART_WEIGHT * flat[offsets[second] + end]
    # The greatest first; of equal ones the last.
    order = np.lexsort((end, start, number, limbs.score, trust))[::-1]

    people: dict[int, Person] = {}
    owners: dict[tuple[int, int], int] = {}  # person by (part, candidate)
    for limb, peak_a, peak_b, score in _rows(limbs, order):
        a, b = skeleton.limbs[limb]
        ends = (a, peak_a), (b, peak_b)
        owner, other = (owners.get(place) for place in ends)
        if owner is None and other is None:
            owner = len(owners)  # greater than all before
            people[owner] = Person({}, 0, 0.0)
            new = ends
        elif owner is None or other is None:
            new = ends[:1] if owner is None else ends[1:]
            owner = other if owner is None else owner
            if new[0][0] in people[owner].peaks:  # a more trusted limb gave it another one
                continue
        else:
            new = ()
            if owner != other:
                owner, other = sorted((owner, other))
                if not people[owner].peaks.keys().isdisjoint(people[other].peaks):
                    continue
                joined = people.pop(other)
                people[owner].peaks |= joined.peaks
                people[owner].count += joined.count
                people[owner].score += joined.score
                owners.update(dict.fromkeys(joined.peaks.items(), owner))
        person = people[owner]
        person.score += score
        for part, peak in new:
            person.peaks[part] = peak
            person.count += 1
            person.score += float(scores[part][peak])
            owners[part, peak] = owner
    return list(people.values())


def _limb_by_limb(scores: list[np.ndarray], limbs: Limbs, skeleton: Skeleton) -> list[Person]:
    """As OpenPose's processor code: one kind of limb after the other, in the skeleton's order.

    Of a kind, the limbs with the best field are taken, each candidate once; parts are given to who
    has the first end, whatever stood there; people are never merged. Limbs from shoulder to ear
    only fill gaps and count for nothing. Where one end of a kind has no candidates at all, those of
    the other end become people of one part.
    """
    order = np.lexsort((limbs.end, limbs.start, limbs.score))[::-1]
    kinds: list[list[tuple[int, int, float]]] = [[] for _ in skeleton.limbs]
    for number, *limb in _rows(limbs, order):
        kinds[number].append(limb)

    people: list[Person] = []

    def owner(part: int, peak: int) -> Person | None:
        return next((person for person in people if person.peaks.get(part) == peak), None)

    def new(ends: dict[int, int], score: float) -> None:
        parts = sum(float(scores[part][peak]) for part, peak in ends.items())
        people.append(Person(ends, len(ends), parts + score))

    for (a, b), kind in zip(skeleton.limbs, kinds, strict=True):
        if not len(scores[a]) or not len(scores[b]):
            lonely = b if not len(scores[a]) else a
            for peak in range(len(scores[lonely])):
                # In MPI it becomes another one even if somebody has it.
                if skeleton is MPI or owner(lonely, peak) is None:
                    new({lonely: peak}, 0.0)
            continue
        to_ear = skeleton.parts[b].endswith("Ear") and skeleton.parts[a].endswith("Shoulder")
        for peak_a, peak_b, score in _each_once(kind):
            if to_ear:
                for person in people:
                    has_a, has_b = person.peaks.get(a), person.peaks.get(b)
                    if has_a == peak_a and has_b is None:
                        person.peaks[b] = peak_b
                    elif has_b == peak_b and has_a is None:
                        person.peaks[a] = peak_a
            elif (person := owner(a, peak_a)) is not None:
                person.peaks[b] = peak_b
                person.count += 1
                person.score += float(scores[b][peak_b]) + score
            else:
                new({a: peak_a, b: peak_b}, score)
    return people


def _rows(limbs: Limbs, order: np.ndarray) -> Iterator[tuple[int, int, int, float]]:
    arrays = limbs.number, limbs.start, limbs.end, limbs.score
    return zip(*(array[order].tolist() for array in arrays), strict=True)


def _each_once(limbs: list[tuple[int, int, float]]) -> Iterator[tuple[int, int, float]]:
    """Leave out limbs of which an end is taken by one before."""
    starts, ends = set(), set()
    for start, end, score in limbs:
        if start not in starts and end not in ends:
            starts.add(start)
            ends.add(end)
            yield start, end, score


_JOINING: dict[str, Callable[[list[np.ndarray], Limbs, Skeleton], list[Person]]] = {
    "most_trusted_first": _most_trusted_first,
    "limb_by_limb": _limb_by_limb,
}


def _kept(people: list[Person], skeleton: Skeleton, thresholds: Thresholds) -> list[Person]:
    """Leave out who has too few or too faint parts.

    Feet do not count as parts, the network sees too many of them; where that leaves nobody,
    they do.
    """
    feet = {part for part, name in enumerate(skeleton.parts) if name.endswith(("Toe", "Heel"))}

    def enough(person: Person, without: set[int]) -> bool:
        not_counted = len(without & person.peaks.keys())
        count = person.count - not_counted
        if not_counted and count <= LEGLESS:
            return False
        return count >= thresholds.parts and person.score / count >= thresholds.score

    for without in (set(),) if thresholds.feet else (feet, set()):
        kept = [person for person in people if enough(person, without)]
        if kept:
            break
    return kept
