"""A network camera: GStreamer's RTSP server, run by Debian's own Python (python3-gi).

    rtsp_server.py PORT USERNAME PASSWORD

It says `ready` on its standard output. Each line `PATH ELEMENT PROPERTY VALUE` of its standard
input sets a property of a stream that plays: `/h264 valve drop true` stalls it.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

SOURCE = (
    "videotestsrc name=source is-live=true pattern=ball"
    " ! video/x-raw,format=I420,width=320,height=240,framerate=20/1 ! valve name=valve"
)
H264 = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=20 ! rtph264pay name=pay0"
STREAMS = {
    "/h264": f"{SOURCE} ! videoconvert ! {H264}",
    "/mjpeg": f"{SOURCE} ! jpegenc quality=70 ! rtpjpegpay name=pay0",
    "/private": f"{SOURCE} ! videoconvert ! {H264}",
    "/sound": "audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay0",
    # A way to pack pictures that only GStreamer knows.
    "/unknown": f"{SOURCE} ! jpegenc ! rtpgstpay name=pay0",
}


def main(port: str, username: str, password: str) -> None:
    """Serve until the standard input ends."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    server.set_auth(authentication(username, password))
    playing = {}
    for path, pipeline in STREAMS.items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(f"( {pipeline} )")
        factory.set_shared(True)
        factory.set_permissions(permissions(path))
        factory.connect("media-configure", lambda _, media, at=path: playing.update({at: media}))
        server.get_mount_points().add_factory(path, factory)
    assert server.attach(None), f"port {port} is taken"
    loop = GLib.MainLoop()

    def obey(stream, _condition):
        words = stream.readline().split()
        if not words:
            loop.quit()
            return False
        path, element, name, value = words
        Gst.util_set_object_arg(playing[path].get_element().get_by_name(element), name, value)
        return True

    GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, obey)
    print("ready", flush=True)
    loop.run()


def authentication(username: str, password: str) -> GstRtspServer.RTSPAuth:
    """Return who may see what: anybody is `anyone`, one has a password, by digest."""
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    anyone = GstRtspServer.RTSPToken()
    anyone.set_string("media.factory.role", "anyone")
    auth.set_default_token(anyone)
    reader = GstRtspServer.RTSPToken()
    reader.set_string("media.factory.role", "reader")
    auth.add_digest(username, password, reader)
    return auth


def permissions(path: str) -> GstRtspServer.RTSPPermissions:
    """Return who may see a path: who may not construct it is asked for a password (401)."""
    allowed = GstRtspServer.RTSPPermissions()
    for role in ("anyone", "reader"):
        structure = Gst.Structure.new_empty(role)
        structure.set_value("media.factory.access", True)
        structure.set_value("media.factory.construct", role == "reader" or path != "/private")
        allowed.add_role_from_structure(structure)
    return allowed


main(*sys.argv[1:])
