"""Environment to settings and back; what is wrong is all named at once."""

import dataclasses
from pathlib import Path

import pytest
from posestream import flags, parameters, settings
from sinetstream.configs import get_config_params

ABSENT = Path("/there/is/no/such/file")
MANUAL = {  # the example of the manual, section 3.3.1
    "SS_BROKERS": "kafka.example.org:9092",
    "SS_CONSISTENCY": "AT_LEAST_ONCE",
    "SSSRC_TOPIC": "sinetstream.image.camera",
    "SSSRC_GROUP_ID": "openpose-001",
    "SSDST_TOPIC": "sinetstream.image.openpose",
}


def load(environ, command="worker", config_file=ABSENT):
    return settings.load(command, environ, config_file)


def problems(environ, **more):
    with pytest.raises(settings.SettingsError) as caught:
        load(environ, **more)
    return caught.value.problems


def the_problem(environ, **more):
    found = problems(environ, **more)
    assert len(found) == 1, found
    return found[0]


# -- values and names, both ways --------------------------------------------------------------

PARAMETERS = {
    "topic": "007",
    "group_id": "true",
    "brokers": ["a.example.org:9092", "b.example.org:9092"],
    "tls": {"check_hostname": False, "ca_certs_data": "-----BEGIN-----\n  two: lines\n"},
    "crypto": {"algorithm": "AES", "password": "{not: yaml} #1", "_keys": {"1": "x"}},
    "type_spec": {
        "fetch_max_bytes": 20971520,
        "ratio": 1.5,
        "large": 1e16,
        "some.dotted-name_with__all": "kept",
        "Capital": {"in.side": [1, "1", None, True]},
        "text_like_a_number": "1e5",
        "text_like_a_date": "2026-11-22",
        "text_like_a_boolean": "no",
        "sexagesimal": "12:30",
        "comment": "a #b",
        "padded": "  x ",
        "nothing": None,
        "empty": "",
        "empty_mapping": {},
    },
}


def test_parameters_survive_the_trip():
    variables = parameters.to_environment("SSSRC_", PARAMETERS)

    assert parameters.from_environment(variables, "SSSRC_") == PARAMETERS
    assert all(isinstance(text, str) and text for text in variables.values())
    assert variables["SSSRC_TYPE_SPEC__FETCH_MAX_BYTES"] == "20971520"
    assert variables["SSSRC_TOPIC"] == "007"


def test_variables_are_named_as_the_shell_allows():
    for name in parameters.to_environment("SSSRC_", PARAMETERS):
        assert name.replace("_", "A").isalnum(), name
        assert name == name.upper()


def test_a_parameter_that_no_variable_can_say_is_refused():
    with pytest.raises(ValueError, match=r"odd\.name"):
        parameters.to_environment("SSSRC_", {"odd.name": 1})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("20971520", 20971520),
        ("1.5", 1.5),
        ("true", True),
        ("[a, 2]", ["a", 2]),
        ("{a.b-c: 1}", {"a.b-c": 1}),
        ("'20'", "20"),
        ("null", None),
        ("a: b", "a: b"),
        ("[::1]:9092", "[::1]:9092"),
        ("{unclosed", "{unclosed"),
        ("2026-11-22", "2026-11-22"),
        ("# x", "# x"),
        ("2026-13-01", "2026-13-01"),
        ("!!bool x", "!!bool x"),
    ],
)
def test_a_value_is_typed_or_text(text, value):
    read = parameters.read_value("anything", text)

    assert read == value
    assert type(read) is type(value)


def test_layers_are_merged():
    variables = {"X_A": "{odd.name: 1, b: 1}", "X_A__B": "2", "X_A__C__D": "3"}

    assert parameters.from_environment(variables, "X_") == {
        "a": {"odd.name": 1, "b": 2, "c": {"d": 3}}
    }


def test_empty_variables_say_nothing():
    assert parameters.from_environment({"X_A": ""}, "X_") == {}


@pytest.mark.parametrize("name", ["X_A____B", "X___A", "X_A__"])
def test_layers_need_names(name):
    with pytest.raises(ValueError, match=name):
        parameters.from_environment({name: "1"}, "X_")


def test_a_plain_value_has_no_layers():
    with pytest.raises(ValueError, match="X_A__B"):
        parameters.from_environment({"X_A": "1", "X_A__B": "2"}, "X_")


# -- services ---------------------------------------------------------------------------------


def test_the_manuals_example():
    streams = load(MANUAL).streams

    assert streams.services == {
        "image-src": {
            "type": "kafka",
            "brokers": "kafka.example.org:9092",
            "consistency": "AT_LEAST_ONCE",
            "topic": "sinetstream.image.camera",
            "type_spec": {"group_id": "openpose-001"},
        },
        "image-dest": {
            "type": "kafka",
            "brokers": "kafka.example.org:9092",
            "consistency": "AT_LEAST_ONCE",
            "topic": "sinetstream.image.openpose",
        },
    }
    assert "keypoints-dest" not in streams


def test_what_a_service_says_wins_over_what_is_shared():
    environ = MANUAL | {
        "SS_TYPE_SPEC__CLIENT_ID": "shared",
        "SS_TYPE_SPEC__RETRY_BACKOFF_MS": "5",
        "SSSRC_TYPE_SPEC__CLIENT_ID": "own",
        "SSKPT_TOPIC": "keypoints",
    }
    found = load(environ).streams.services

    own = {"group_id": "openpose-001", "client_id": "own", "retry_backoff_ms": 5}
    assert found["image-src"]["type_spec"] == own
    assert found["keypoints-dest"]["type_spec"]["client_id"] == "shared"


def test_a_camera_needs_no_source():
    environ = {"SS_BROKERS": "kafka:9092", "SSDST_TOPIC": "sinetstream.image.camera"}

    assert set(load(environ, "camera").streams.services) == {"image-dest"}
    assert any("SSSRC_TOPIC" in line for line in problems(environ))


def test_all_that_is_wrong_is_said_at_once():
    found = problems(
        {
            "SS_BROKERS": "kafka example",
            "SSSRC_TOPC": "x",
            "SSSRC_TYPE": "mqtt",
            "SSDST_TOPIC": "no spaces",
            "SSDST_TYPE_SPEC__MAX_REQUEST_SIZ": "1",
            "SSDST_TYPE_SPEC__LINGER_MS": "soon",
            "SSDST_DATA_COMPRESSION": "perhaps",
            "WORKER_JPEG_QUALITY": "101",
        }
    )
    variables = [line.split(":")[0] for line in found]

    assert sorted(variables) == [
        "SSDST_DATA_COMPRESSION",
        "SSDST_TOPIC",
        "SSDST_TYPE_SPEC__LINGER_MS",
        "SSDST_TYPE_SPEC__MAX_REQUEST_SIZ",
        "SSSRC_TOPC",
        "SSSRC_TOPIC",
        "SSSRC_TYPE",
        "SS_BROKERS",
        "WORKER_JPEG_QUALITY",
    ]
    said = "\n".join(found)
    assert "did you mean max_request_size?" in said
    assert "did you mean topic?" in said
    assert "kafka.example.org:9092" in said


def test_missing_brokers_are_asked_for_once():
    line = the_problem({"SSSRC_TOPIC": "a", "SSDST_TOPIC": "b"})

    assert line.startswith("SS_BROKERS: missing")
    assert "kafka.example.org:9092" in line


@pytest.mark.parametrize("variable", ["SSDST_TOPIC", "SSKPT_TOPIC"])
def test_two_services_on_one_topic(variable):
    line = the_problem(MANUAL | {variable: MANUAL["SSSRC_TOPIC"]})

    assert variable in line
    assert "SSSRC_TOPIC" in line


def test_files_have_to_be_there():
    found = problems(
        MANUAL | {"SS_TLS__CA_CERTS": "/no/ca.pem", "SSDST_TYPE_SPEC__SSL_KEYFILE": "/no/key.pem"}
    )

    assert [line.split(":")[0] for line in found] == [
        "SS_TLS__CA_CERTS",
        "SSDST_TYPE_SPEC__SSL_KEYFILE",
    ]


def test_a_file_that_cannot_be_looked_for_is_not_there():
    assert "there is no file" in the_problem(MANUAL | {"SS_TLS__CA_CERTS": "/" + "a" * 300})


def test_a_port_of_any_length_is_refused():
    line = the_problem(MANUAL | {"SS_BROKERS": "kafka:" + "9" * 5000})
    assert line.startswith("SS_BROKERS: ")


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("SS_CRYPTO", "{algorithm: AES, password: hunter2"),
        ("SS_TLS", "keyfile_data: hunter2"),
        ("SS_TYPE_SPEC", "{sasl.password: [hunter2]}"),
        ("SS_TYPE_SPEC", "{ssl_password: [hunter2]}"),
    ],
)
def test_a_misplaced_password_is_not_repeated(variable, text):
    found = problems(MANUAL | {variable: text})

    assert all(line.startswith(f"{variable}: what is there should be ") for line in found)


@pytest.mark.parametrize(
    ("variable", "text", "should"),
    [
        ("VIEWER_PASSWORD", "hunter2", "of at least 8 characters"),
        ("VIEWER_TOKEN", "hunter2", "of at least 20 characters"),
        ("VIEWER_PROMETHEUS_URL", "http://user:hunter2@lab:9090", "an address, as http://"),
        ("VIEWER_PROMETHEUS_URL", "lab:9090", "an address, as http://"),
        ("VIEWER_HOSTS", "http://lab.example.org", "names and addresses with commas, as "),
        ("VIEWER_HOSTS", "lab.*", "names and addresses with commas, as "),
        ("VIEWER_TLS_KEY", "key.pem", "the absolute path of a file"),
    ],
)
def test_what_the_viewer_is_told_wrong_is_named_and_no_secret_repeated(variable, text, should):
    line = the_problem(MANUAL | {variable: text})

    assert line.startswith(f"{variable}: ")
    assert f"should be {should}" in line
    assert "hunter2" not in line


# -- the other settings -----------------------------------------------------------------------


def test_defaults_are_right_values():
    for entry in flags.TABLE.values():
        entry.metadata["parse"](entry.metadata["default"])
    loaded = load(MANUAL)
    assert loaded.openpose.net_resolution == (-1, 432)
    assert loaded.worker.metrics_port == 9095
    assert loaded.camera.name == "camera"
    assert loaded.viewer.port == 8080


def test_every_setting_is_read():
    right = {
        "OPENPOSE_MODEL_POSE": ("COCO", "COCO"),
        "OPENPOSE_MODEL_FOLDER": ("/models", "/models"),
        "OPENPOSE_NET_RESOLUTION": ("432x-1", (432, -1)),
        "OPENPOSE_SCALE_NUMBER": ("1", 1),
        "OPENPOSE_SCALE_GAP": ("0.3", 0.3),
        "OPENPOSE_FACE": ("False", False),
        "OPENPOSE_FACE_NET_RESOLUTION": ("320x320", (320, 320)),
        "OPENPOSE_FACE_RENDER_THRESHOLD": ("0.3", 0.3),
        "OPENPOSE_HAND": ("no", False),
        "OPENPOSE_HAND_NET_RESOLUTION": ("256x256", (256, 256)),
        "OPENPOSE_HAND_RENDER_THRESHOLD": ("0.7", 0.7),
        "OPENPOSE_TRACKING": ("-1", -1),
        "OPENPOSE_NUMBER_PEOPLE_MAX": ("3", 3),
        "OPENPOSE_MAXIMIZE_POSITIVES": ("true", True),
        "OPENPOSE_RENDER_THRESHOLD": ("0.1", 0.1),
        "OPENPOSE_ALPHA_POSE": ("1", 1.0),
        "WORKER_ENGINE": ("openvino", "openvino"),
        "WORKER_RULES": ("processor", "processor"),
        "WORKER_PRECISION": ("half", "half"),
        "WORKER_TRACK_PEOPLE": ("yes", True),
        "WORKER_COLOR_BY_PERSON": ("yes", True),
        "WORKER_JPEG_QUALITY": ("70", 70),
        "WORKER_MAX_PIXELS": ("1000", 1000),
        "WORKER_METRICS_PORT": ("1", 1),
        "WORKER_MAX_AGE": ("2.5", 2.5),
        "WORKER_POLICY": ("latest", "latest"),
        "WORKER_DECIMATION": ("3", 3),
        "WORKER_SEEK": ("end", "end"),
        "WORKER_NAME": ("gpu01-openpose", "gpu01-openpose"),
        "WORKER_FRAME_SECONDS": ("7.5", 7.5),
        "WORKER_MAX_MEMORY": ("2000000", 2000000),
        "CAMERA_NAME": ("Straße 1", "Straße 1"),
        "CAMERA_SOURCE": ("rtsp://a:b@x/live", "rtsp://a:b@x/live"),
        "CAMERA_FPS": ("0.5", 0.5),
        "CAMERA_SIZE": ("640x480", (640, 480)),
        "CAMERA_JPEG_QUALITY": ("50", 50),
        "CAMERA_ROTATION": ("270", 270),
        "CAMERA_MIRROR": ("vertical", "vertical"),
        "CAMERA_BUFFER_SECONDS": ("2.5", 2.5),
        "CAMERA_BUFFER_BYTES": ("2000000", 2000000),
        "CAMERA_STILL_SECONDS": ("0", 0.0),
        "CAMERA_FORMAT": ("YUYV", "yuyv"),
        "CAMERA_RTSP_TRANSPORT": ("udp", "udp"),
        "CAMERA_USERNAME": ("reader", "reader"),
        "CAMERA_PASSWORD": ("s3cret", "s3cret"),
        "CAMERA_METRICS_PORT": ("2", 2),
        "CAMERA_METRICS_ADDRESS": ("127.0.0.1", "127.0.0.1"),
        "VIEWER_PORT": ("80", 80),
        "VIEWER_METRICS_PORT": ("81", 81),
        "VIEWER_PASSWORD": ("long enough", "long enough"),
        "VIEWER_PASSWORD_FILE": ("/password", "/password"),
        "VIEWER_TOKEN": ("t" * 20, "t" * 20),
        "VIEWER_TOKEN_FILE": ("/token", "/token"),
        "VIEWER_TLS_CERTIFICATE": ("/c.pem", "/c.pem"),
        "VIEWER_TLS_KEY": ("/k.pem", "/k.pem"),
        "VIEWER_HOSTS": (
            "Lab.example.org, *.lab,192.0.2.1,[fe80::1]",
            ("lab.example.org", "*.lab", "192.0.2.1", "[fe80::1]"),
        ),
        "VIEWER_PROMETHEUS_URL": ("http://lab:9090/prometheus", "http://lab:9090/prometheus"),
    }
    assert set(right) == set(flags.TABLE)
    loaded = load(MANUAL | {name: text for name, (text, _) in right.items()})
    for group in ("openpose", "worker", "camera", "viewer"):
        for entry in dataclasses.fields(getattr(loaded, group)):
            value = getattr(getattr(loaded, group), entry.name)
            assert value == right[entry.metadata["variable"]][1], entry.name


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("OPENPOSE_NET_RESOLUTION", "-1x-1"),
        ("OPENPOSE_NET_RESOLUTION", "-1x360"),
        ("OPENPOSE_NET_RESOLUTION", "0x368"),
        ("OPENPOSE_NET_RESOLUTION", "368"),
        ("OPENPOSE_RENDER_THRESHOLD", "1.1"),
        ("OPENPOSE_MODEL_FOLDER", "models"),
        ("OPENPOSE_SCALE_NUMBER", "0"),
        ("OPENPOSE_SCALE_GAP", "1.5"),
        ("OPENPOSE_FACE", "2"),
        ("OPENPOSE_FACE_NET_RESOLUTION", "368x352"),
        ("OPENPOSE_FACE_NET_RESOLUTION", "360x360"),
        ("OPENPOSE_HAND_NET_RESOLUTION", "0x0"),
        ("OPENPOSE_HAND_RENDER_THRESHOLD", "-0.1"),
        ("OPENPOSE_TRACKING", "-2"),
        ("WORKER_ENGINE", "caffe"),
        ("WORKER_JPEG_QUALITY", "0"),
        ("WORKER_JPEG_QUALITY", "85.5"),
        ("WORKER_MAX_AGE", "-1"),
        ("WORKER_MAX_AGE", "nan"),
        ("WORKER_METRICS_PORT", "65536"),
        ("WORKER_POLICY", "newest"),
        ("WORKER_DECIMATION", "0"),
        ("WORKER_FRAME_SECONDS", "0"),
        ("WORKER_MAX_MEMORY", "512m"),
        ("CAMERA_FPS", "fast"),
        ("CAMERA_NAME", "a\nb"),
        ("CAMERA_SOURCE", "ftp://x/y.avi"),
        ("CAMERA_SOURCE", "rtsp://x:port/live"),
        ("CAMERA_SOURCE", "video0"),
        ("CAMERA_ROTATION", "45"),
        ("CAMERA_METRICS_ADDRESS", "localhost"),
        ("CAMERA_BUFFER_SECONDS", "-1"),
        ("CAMERA_RTSP_TRANSPORT", "sctp"),
    ],
)
def test_a_wrong_value_is_named_with_a_right_one(variable, text):
    line = the_problem(MANUAL | {variable: text})

    assert line.startswith(f"{variable}: ")
    assert f"for example {flags.TABLE[variable].metadata['default']}" in line


@pytest.mark.parametrize(
    ("variable", "text", "right"),
    [
        ("WORKER_SEEK", "start", "beginning, end"),
        ("WORKER_NAME", "gpu 01", "as gpu01-openpose"),
        ("CAMERA_SIZE", "640", "as 1280x720"),
        ("CAMERA_MIRROR", "left", "horizontal, vertical"),
        ("CAMERA_FORMAT", "MJPG!", "as mjpeg, yuyv or h264"),
    ],
)
def test_a_wrong_value_without_a_default_is_named_with_right_ones(variable, text, right):
    assert right in the_problem(MANUAL | {variable: text})


def test_an_old_name_is_refused_with_the_new_one():
    assert the_problem(MANUAL | {"CAMERA_VIDEO": "/x.avi"}) == (
        "CAMERA_VIDEO: its name is CAMERA_SOURCE now: write that in its place"
    )


def test_passwords_are_in_no_message_and_in_no_text_of_the_settings():
    line = the_problem(MANUAL | {"CAMERA_SOURCE": "rtps://me:s3cret/@camera/live?pwd=s3cret"})
    loaded = load(MANUAL | {"CAMERA_PASSWORD": "s3cret"})

    assert line.startswith("CAMERA_SOURCE: 'rtps://camera/live?…' should be ")
    assert "s3cret" not in line + repr(loaded)


def test_a_wrong_body_model_is_named_with_all_there_are():
    line = the_problem(MANUAL | {"OPENPOSE_MODEL_POSE": "BODY_24"})

    assert line == (
        "OPENPOSE_MODEL_POSE: 'BODY_24' should be one of BODY_25, COCO, MPI, MPI_4_layers"
    )


@pytest.mark.parametrize(
    ("variable", "text"),
    [("OPENPOSE_SCALE_NUMBER", "2"), ("OPENPOSE_FACE", "true"), ("OPENPOSE_HAND", "true")],
)
def test_what_the_free_network_has_not_is_refused_by_name(variable, text):
    line = the_problem(MANUAL | {variable: text})
    assert line == (
        f"{variable}: {text} needs a network of OpenPose's: set OPENPOSE_MODEL_POSE, for example "
        f"to BODY_25, or leave {variable} out"
    )
    for able in ({"OPENPOSE_MODEL_POSE": "BODY_25"}, {"WORKER_ENGINE": "onnx"}):
        assert load(MANUAL | able | {variable: text})


@pytest.mark.parametrize(
    ("engine", "variable", "text", "able"),
    [
        ("openvino", "OPENPOSE_TRACKING", "0", ["pyopenpose"]),
        ("onnx", "OPENPOSE_TRACKING", "0", ["pyopenpose"]),
        ("pyopenpose", "WORKER_RULES", "processor", ["openvino", "onnx"]),
    ],
)
def test_what_an_engine_has_not_is_refused_by_name(engine, variable, text, able):
    said = MANUAL | {"OPENPOSE_NUMBER_PEOPLE_MAX": "1", variable: text}
    line = the_problem(said | {"WORKER_ENGINE": engine})
    engines = " or ".join(f"WORKER_ENGINE={name}" for name in able)
    assert line == f"{variable}: {text} needs {engines}, or leave {variable} out"
    for name in able:
        assert load(said | {"WORKER_ENGINE": name}).worker.engine == name


def test_the_table_of_engines_has_each_engine_and_settings_that_there_are():
    assert flags.ABLE.keys() - {flags.FREE} == {*flags.ENGINES}
    assert {*flags.TABLE} > {variable for able in flags.ABLE.values() for variable in able}
    assert flags.ABLE[flags.FREE] < flags.ABLE["openvino"]


@pytest.mark.parametrize("engine", flags.ENGINES)
def test_people_have_one_number_each(engine):
    tracked = MANUAL | {"WORKER_ENGINE": engine, "WORKER_TRACK_PEOPLE": "true"}
    assert load(tracked | {"WORKER_COLOR_BY_PERSON": "true"}).worker.color_by_person
    line = the_problem(MANUAL | {"WORKER_ENGINE": engine, "WORKER_COLOR_BY_PERSON": "true"})
    assert line.startswith("WORKER_COLOR_BY_PERSON: true, but")
    assert "WORKER_TRACK_PEOPLE=true" in line


def test_openpose_and_the_worker_do_not_both_follow_people():
    by_openpose = {"OPENPOSE_TRACKING": "0", "OPENPOSE_NUMBER_PEOPLE_MAX": "1"}
    said = MANUAL | {"WORKER_ENGINE": "pyopenpose", "WORKER_TRACK_PEOPLE": "true"} | by_openpose
    line = the_problem(said)
    assert line.startswith("WORKER_TRACK_PEOPLE: true, but OPENPOSE_TRACKING is 0")


@pytest.mark.parametrize("most", ["-1", "0", "2"])
def test_openpose_follows_one_person_only(most):
    environ = {"WORKER_ENGINE": "pyopenpose", "OPENPOSE_TRACKING": "5"}
    line = the_problem(MANUAL | environ | {"OPENPOSE_NUMBER_PEOPLE_MAX": most})

    assert line.startswith("OPENPOSE_TRACKING: ")
    assert "OPENPOSE_NUMBER_PEOPLE_MAX=1" in line


@pytest.mark.parametrize(("number", "gap"), [("2", "0"), ("2", "1"), ("5", "0.25"), ("16", "0.1")])
def test_scales_are_between_nothing_and_the_whole(number, gap):
    environ = {"WORKER_ENGINE": "pyopenpose", "OPENPOSE_SCALE_NUMBER": number}
    line = the_problem(MANUAL | environ | {"OPENPOSE_SCALE_GAP": gap})
    assert line.startswith(f"OPENPOSE_SCALE_GAP: {gap} ")

    right = line.rpartition(" ")[2]
    assert load(MANUAL | environ | {"OPENPOSE_SCALE_GAP": right}).openpose.scale_gap > 0


def test_an_unknown_setting_is_named_with_the_nearest():
    line = the_problem(MANUAL | {"WORKER_JPEG_QUALTY": "85"})

    assert line.startswith("WORKER_JPEG_QUALTY: ")
    assert "did you mean WORKER_JPEG_QUALITY?" in line


def test_other_peoples_variables_are_none_of_its_business():
    load(MANUAL | {"SSL_CERT_FILE": "x", "SSH_AUTH_SOCK": "y", "PATH": "z", "SS_TYPE": ""})


# -- the mounted file -------------------------------------------------------------------------

FIRST_FORMAT = """
image-src:
  brokers: kafka.example.org:9092
  type: kafka
  consistency: AT_LEAST_ONCE
  topic: sinetstream.image.camera
  group_id: openpose-001
image-dest:
  brokers: kafka.example.org:9092
  type: kafka
  topic: sinetstream.image.openpose
"""
THIRD_FORMAT = """
header: {version: 3}
config:
  image-src: {type: kafka, brokers: "kafka:9092", topic: a, type_spec: {group_id: g}}
  image-dest: {type: kafka, brokers: "kafka:9092", topic: b}
"""


@pytest.fixture
def mounted(tmp_path):
    def write(text):
        path = tmp_path / ".sinetstream_config.yml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("text", [FIRST_FORMAT, THIRD_FORMAT], ids=["first", "third"])
def test_a_mounted_file_is_used_as_it_is(mounted, text):
    path = mounted(text)
    streams = load({}, config_file=path).streams

    assert set(streams.services) == {"image-src", "image-dest"}
    assert streams.arguments("image-src") == {"service": "image-src", "config_file": str(path)}
    assert get_config_params("image-src", None, str(path))[2]["topic"] in streams.describe(
        "image-src"
    )


def test_a_file_and_variables_conflict(mounted):
    line = the_problem(MANUAL, config_file=mounted(THIRD_FORMAT))

    assert all(name in line for name in MANUAL)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (THIRD_FORMAT.replace("image-dest", "image-desk"), "no service image-dest"),
        (THIRD_FORMAT.replace("topic: b", "topic: a"), "image-dest.topic"),
        (THIRD_FORMAT.replace("topic: b", "topc: b"), "image-dest.topc"),
        (THIRD_FORMAT.replace("{group_id: g}", "{gruop_id: g}"), "image-src.type_spec.gruop_id"),
        (THIRD_FORMAT.replace("version: 3", "version: 9"), "version=9"),
        (FIRST_FORMAT.replace("type: kafka", "type: mqtt"), "image-src.type"),
        ("header", "cannot read it"),
        ("a: !!bool x", "cannot read it"),
        ("", "cannot read it"),
        ("just text", "cannot read it"),
        ("{unclosed", "cannot read it"),
    ],
)
def test_a_wrong_file_is_explained(mounted, text, named):
    path = mounted(text)
    found = problems({}, config_file=path)

    assert any(line.startswith(f"{path}: ") and named in line for line in found), found


def test_a_file_with_a_password_that_is_no_yaml(mounted):
    path = mounted("image-src:\n  crypto: {password: *hunter2}\n")

    assert problems({}, config_file=path) == [
        f"{path}: SINETStream cannot read it: ComposerError in line 2"
    ]


def test_dockers_empty_folder_in_place_of_the_file(tmp_path):
    assert "folder" in the_problem({}, config_file=tmp_path)
