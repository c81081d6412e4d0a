"""Whatever bytes and texts arrive: what is wrong is refused in words, what is taken is usable.

`make fuzz` looks further, at random, for FUZZ_EXAMPLES examples a test. Where it ends the process,
the example it was at is in the file `fuzz-example` of the folder for temporary files.
"""

import os
import re
import struct
import tempfile
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import hypothesis.configuration
import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, example, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from posestream import flags, frames, parameters, services, settings
from posestream.streams.decoding import TIME_END

from .test_frames import encoded as picture_file
from .test_settings import ABSENT, FIRST_FORMAT, MANUAL, THIRD_FORMAT
from .test_streams import CRYPTO, Record, decoder, encoded, saying

LONG = int(os.environ.get("FUZZ_EXAMPLES", "0"))
BOUNDS = {  # of an example's time, far above what it takes: the machine may be busy
    "deadline": timedelta(seconds=20),
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
    "database": None,
    "print_blob": True,
}
profile.register_profile("short", max_examples=150, derandomize=True, **BOUNDS)
profile.register_profile("long", max_examples=LONG or 1, **BOUNDS)
profile.load_profile("long" if LONG else "short")
hypothesis.configuration.set_hypothesis_home_dir(Path(__file__).parents[2] / ".cache/hypothesis")

MAX = 200_000  # pixels
SECRET = "hunter2"
CONTENT = b"words of a payload"


def noted(content):
    """Leave an example behind for the case that it is the last one."""
    if LONG:
        text = content if isinstance(content, bytes) else repr(content).encode()
        Path(tempfile.gettempdir(), "fuzz-example").write_bytes(text)
    return content


def outcome(refusal, call, *arguments, **more):
    """Return what a call returns or None, and the exception of the one kind that it may raise."""
    try:
        return call(*arguments, **more), None
    except refusal as error:
        return None, error


ACCIDENTS = ("flip", "flip", "flip", "number", "number", "insert", "copy", "drop", "repeat", "cut")
INSERTED = st.binary(max_size=40) | st.sampled_from(
    (
        CONTENT,
        b"\xff\xfe" + struct.pack(">H", 2 + len(CONTENT)) + CONTENT,  # a comment in a JPEG
        struct.pack(">I", len(CONTENT)) + b"tEXt" + CONTENT + b"\0\0\0\0",  # and in a PNG
    )
)
NUMBERS = [(">H", 0), (">H", 9), (">H", 2**16 - 1), (">I", 0), (">I", 2**31 - 1), (">I", 2**32 - 1)]


@st.composite
def edited(draw, originals, seam):
    """Draw one of the originals after some accidents, many of them where `seam` matches."""
    data = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(0, 3))):
        seams = [match.start() for match in re.finditer(seam, data, re.DOTALL)] or [0]
        place = st.integers(0, len(data)) | st.sampled_from(seams)
        start = draw(place)
        after = st.sampled_from([at for at in seams if at > start] or [len(data)])
        end = draw(after | st.integers(start, start + 50))
        match draw(st.sampled_from(ACCIDENTS)):
            case "cut":
                data = data[:end]
            case "drop":
                data = data[:start] + data[end:]
            case "copy":
                at = draw(place)
                data = data[:at] + data[start:end] + data[at:]
            case "repeat":
                times = draw(st.integers(2, 200))
                data = data[:start] + data[start:end][:5000] * times + data[end:]
            case "number":  # lengths, sizes and counts stand soon after the marks
                at = draw(st.sampled_from(seams)) + draw(st.sampled_from((0, 2, 5, 7, 8, 12)))
                number = struct.pack(*draw(st.sampled_from(NUMBERS)))
                data = data[:at] + number + data[at + len(number) :]
            case "flip":
                data = data[:start] + draw(st.binary(min_size=1, max_size=1)) + data[start + 1 :]
            case "insert":
                data = data[:start] + draw(INSERTED) + data[start:]
    return data


# -- pictures ---------------------------------------------------------------------------------


def jpegs():
    noise = cv2.resize(np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8), (90, 70))
    grey = noise[:, :, 0]
    plain = picture_file(noise)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHII", 8, 1, 0x0112, 3, 1, 6 << 16) + b"\0\0\0\0"
    yield plain
    yield plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:]
    yield picture_file(grey)
    yield picture_file(noise, ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    yield picture_file(noise, ".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 2)
    yield picture_file(
        noise, ".jpg", cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    )


def pngs():
    noise = cv2.resize(np.random.default_rng(0).integers(0, 256, (9, 12, 4), np.uint8), (90, 70))
    for pixels in (noise[:, :, 0], noise[:, :, :3], noise, noise[:, :, :3].astype(np.uint16) << 8):
        yield picture_file(np.ascontiguousarray(pixels), ".png")
    yield picture_file((noise[:, :, 0] > 128).astype(np.uint8), ".png", cv2.IMWRITE_PNG_BILEVEL, 1)
    animation = cv2.Animation()
    animation.frames, animation.durations = [noise, noise[::-1].copy()], [40, 40]
    yield cv2.imencodeanimation(".png", animation)[1].tobytes()


def with_right_sums(data):
    """Return a PNG with the checksums that let a decoder look at the chunks."""
    at, out = 8, data[:8]
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : end]
        out += data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at = end + 4
    return out + data[at:]


def with_size(data, width, height):
    """Return a picture whose header says another size."""
    if data.startswith(b"\x89PNG"):
        return data[:16] + struct.pack(">II", width, height) + data[24:]
    at = re.search(rb"\xff[\xc0-\xc3]|$", data).start() + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


JPEG = edited(list(jpegs()), rb"\xff[\xc0-\xfe]")
PNG = edited(list(pngs()), rb".{4}(?:IHDR|PLTE|tRNS|IDAT|IEND|acTL|fcTL|fdAT)")
SIDE = st.sampled_from((0, 1, 64, 100, 9000, 65535))
PICTURES = {
    "jpeg": JPEG | st.builds(with_size, JPEG, SIDE, SIDE),
    "png": PNG,
    "png with right sums": (PNG | st.builds(with_size, PNG, SIDE, SIDE)).map(with_right_sums),
    "webp": edited([picture_file(np.zeros((9, 9, 3), np.uint8), ".webp")], rb"VP8.|RIFF|WEBP"),
    "bytes": st.binary(),
}


@pytest.mark.parametrize("kind", PICTURES)
@given(drawn=st.data())
def test_a_picture_is_refused_or_within_the_limits(kind, drawn):
    data = noted(drawn.draw(PICTURES[kind]))
    header, error = outcome(frames.FrameError, frames.inspect, data, max_pixels=MAX)
    if header:
        assert header.width * header.height <= MAX
        decoded, error = outcome(frames.FrameError, frames.pixels, data, header)
    if error:
        assert error.reason in ("empty", "not_a_picture", "truncated", "too_large", "too_complex")
        assert 0 < len(str(error)) < 500
        assert CONTENT.decode() not in str(error)
        return
    frame, _ = decoded
    sides = (header.height, header.width)
    assert frame.shape == (*(sides if header.orientation < 5 else sides[::-1]), 3)
    assert frame.dtype == np.uint8
    assert frame.nbytes <= header.memory
    assert frames.size(frames.encode_jpeg(frame, 50)) == frame.shape[1::-1]


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0), st.integers(1, 100))
def test_a_picture_there_and_back(height, width, seed, quality):
    frame = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    assert (frames.decode(picture_file(frame, ".png"), max_pixels=MAX) == frame).all()
    data = frames.encode_jpeg(frame, quality)
    pixels, damaged = frames.pixels(data, frames.inspect(data, max_pixels=height * width))
    assert (pixels.shape, damaged) == (frame.shape, False)


# -- messages ---------------------------------------------------------------------------------

FORMATS = (
    {},
    {"message_format": 2},
    {"user_data_only": True},
    {"data_compression": True},
    {"data_compression": True, "compression": {"algorithm": "zstd"}},
    {"data_encryption": True, "crypto": CRYPTO | {"key_derivation": {"iteration": 1}}},
)
DECODERS = [decoder(**more) for more in FORMATS]
LONGS = re.escape(b"\x1f\x9c\x0c\x91\xeb\x33\x66\x4f")  # what stands before the time
VALUES = [encoded(b"picture" * 9, **more) for more in FORMATS]
MICROSECONDS = st.integers(1, 2**32 * 10**6)  # until 2106 floats tell them apart


@given(
    st.sampled_from(DECODERS),
    edited(VALUES, rb"(?<=%s)." % LONGS)
    | st.integers(-(2**63), 2**63 - 1).map(saying)
    | st.none()
    | st.binary(),
    st.integers(0, 2),
    st.integers(-(2**63), 2**63 - 1),
    st.none() | st.binary(),
)
@example(DECODERS[0], VALUES[0][:16] + b"\xff" * 400_000 + b"\0\0", 0, 0, None)
def test_a_record_is_read_whatever_it_is(reader, value, kind, milliseconds, key):
    noted(value or b"")
    message = reader.decode(Record(value, 7, key, kind, milliseconds))
    assert (message.key, message.position) == (key, ("pictures", 0, 7))
    if value is None or message.payload is None:
        assert message.payload is None
        assert value is None or message.sealed
    else:
        assert isinstance(message.payload, bytes)
    assert 0 < message.timestamp < TIME_END
    datetime.fromtimestamp(message.timestamp, UTC)
    encoded(message.payload or b"", message.timestamp)


@given(st.sampled_from(range(len(FORMATS))), st.binary(), MICROSECONDS)
def test_a_message_there_and_back(number, payload, microseconds):
    taken = microseconds / 1e6
    value = encoded(payload, taken, **FORMATS[number])
    message = DECODERS[number].decode(Record(value, milliseconds=microseconds // 1000))
    assert message.payload == payload
    if "user_data_only" not in FORMATS[number]:
        assert message.timestamp == taken
        assert not message.time_replaced


# -- settings ---------------------------------------------------------------------------------

WORDS = """-1 nan 1e400 0x 2026-13-01 true ~ * & ! | : , ' # [a,2] {"a":1} {unclosed {"a":{"b.c":1}}
    12:30 host:99999 header"""
TAGS = ["&a [*a]", "!!bool x", "!!timestamp x", "{a: !sinetstream/encrypted x}"]
LARGE = ["9" * 5000, "a" * 5000, "host:" + "9" * 5000, "/" + "a" * 300, "[" * 400]
NASTY = st.sampled_from([*WORDS.split(), *TAGS, *LARGE, "\udcff"])
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | NASTY


def of(inner):
    keys = st.text(max_size=9) | st.integers()
    return inner | st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)


NESTED = of(of(PLAIN))
TEXT = NASTY | st.text(max_size=30) | st.integers().map(str) | st.floats().map(str)
FLOW = NESTED.map(lambda value: parameters.write_value("any", value))
# Where passwords belong, and what a slip of the hand makes of it.
LEAKY = {
    "SS_CRYPTO": "{algorithm: AES, password: hunter2}",
    "SS_CRYPTO__PASSWORD": "hunter2",
    "SS_TLS": "{keyfile_data: hunter2}",
    "SS_TYPE_SPEC": "{sasl.password: hunter2, ssl_password: [hunter2]}",
    "SSDST_TYPE_SPEC__SASL_PLAIN_PASSWORD": "hunter2",
    "SSSRC_SASL_PLAIN_PASSWORD": "[hunter2]",
}
PARAMETERS = st.sampled_from(sorted({*services.PARAMETERS, *services.SETTINGS}))
PREFIX = st.sampled_from(("SS_", *parameters.PREFIXES.values()))
LAYERS = st.lists(
    PARAMETERS | st.text("abc_.é", max_size=5) | st.sampled_from(("type_spec", "tls", "crypto")),
    min_size=1,
    max_size=3,
)
COMMAND = st.sampled_from(sorted(settings.REQUIRED_SERVICES))


@st.composite
def environments(draw):
    """Draw the manual's example with settings that are changed, added, broken or left out."""
    found = dict(MANUAL)
    found |= draw(st.dictionaries(st.sampled_from(sorted(flags.TABLE)), TEXT, max_size=2))
    found |= draw(
        st.dictionaries(st.builds(parameters.variable, PREFIX, LAYERS), TEXT | FLOW, max_size=3)
    )
    for name in draw(st.lists(st.sampled_from(sorted(LEAKY)), max_size=2)):
        found[name] = draw(st.just(LEAKY[name]) | st.just(LEAKY[name][:-1]) | TEXT)
    for name in draw(st.lists(st.sampled_from(sorted(found)), max_size=1)):
        del found[name]
    return found


def layers(variable):
    return re.sub("^SS[A-Z]*_", "", variable).split("__")


def written(loaded):
    """Return the variables that say the same services; an empty one says nothing."""
    return {
        name: text
        for service, params in loaded.streams.services.items()
        for name, text in parameters.to_environment(parameters.PREFIXES[service], params).items()
        if text
    }


def refused(command, environ, config_file=ABSENT):
    """Return the settings or None, and what is wrong, which never repeats a password."""
    loaded, error = outcome(settings.SettingsError, settings.load, command, environ, config_file)
    assert SECRET not in str(error)
    assert error is None or error.problems
    return loaded, error.problems if error else []


@given(COMMAND, environments())
def test_an_environment_is_taken_for_good_or_refused_by_name(command, environ):
    noted(environ)
    loaded, problems = refused(command, environ)
    if loaded is None:
        # What is missing is named too; a name that was said one layer too low, where it belongs.
        there = [*environ, "BROKERS", "TOPIC"]
        known = {layer for name in there for layer in layers(name.upper())}
        assert all(layers(line.split(":")[0])[-1] in known for line in problems)
        return
    for service, params in loaded.streams.services.items():
        assert loaded.streams.describe(service)
        assert params["brokers"]
    # What deployment writes of it is taken again, and says the same from then on.
    others = {name: text for name, text in environ.items() if name in flags.TABLE}
    again, problems = refused(command, others | written(loaded))
    assert not problems
    assert written(again) == written(loaded)
    for group in flags.GROUPS:
        assert getattr(again, group) == getattr(loaded, group)


LEAKS = st.sampled_from(
    [
        {"crypto": SECRET},
        {"crypto": {"password": SECRET}},
        {"tls": [SECRET]},
        {"type_spec": {"sasl.password": [SECRET], "ssl_password": {"value": SECRET}}},
        {"sasl_plain_password": [SECRET]},
    ]
)


@st.composite
def files(draw):
    """Draw a configuration file with services that are changed, as data."""
    content = yaml.safe_load(draw(st.sampled_from((FIRST_FORMAT, THIRD_FORMAT))))
    services_ = content.get("config", content)
    services_["image-src"] |= draw(LEAKS)
    spec = services_["image-dest"].setdefault("type_spec", {})
    for layer in (services_, services_["image-dest"], spec):
        layer.update(draw(st.dictionaries(PARAMETERS | st.text(max_size=5), NESTED, max_size=1)))
    return yaml.safe_dump(content, allow_unicode=True).encode(errors="replace")


@pytest.fixture(scope="module")
def mounted(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / ".sinetstream_config.yml"


@given(
    command=COMMAND,
    content=files()
    | edited([FIRST_FORMAT.encode(), THIRD_FORMAT.encode()], rb"\w+:")
    | st.binary()
    | TEXT.map(lambda text: text.encode(errors="replace")),
)
@example(command="worker", content=b"image-src: {crypto: {password: *hunter2}}")
def test_a_file_is_taken_for_good_or_refused_by_name(mounted, command, content):
    mounted.write_bytes(noted(content))
    loaded, problems = refused(command, {}, mounted)
    assert all(line.startswith(f"{mounted}: ") for line in problems)
    if loaded is not None:
        assert refused(command, {}, mounted)[0] is not None
        assert all(map(loaded.streams.describe, loaded.streams.services))
