"""The live page; `command` starts it, `wire` says what goes over its WebSocket."""
