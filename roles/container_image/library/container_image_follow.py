#!/usr/bin/python
"""What the action of this name does, where ansible-doc finds it."""

DOCUMENTATION = r"""
module: container_image_follow
short_description: Wait for a job in the background, and show how far it has come
description:
  - Waits for what a task with C(async) and C(poll=0) has started.
  - Shows now and then the last line of its log.
  - Fails where the job fails, or takes longer than it may.
  - It is an action, as a module can say nothing before it is done.
options:
  job: {type: str, required: true, description: The job's C(ansible_job_id).}
  what: {type: str, required: true, description: What is named in front of each line.}
  log: {type: path, required: true, description: The log on the host.}
  timeout: {type: float, required: true, description: "The job's own limit, in seconds."}
  quiet: {type: float, required: true, description: "The least time between two lines, in seconds."}
"""

EXAMPLES = r"""
- name: Follow the build
  container_image_follow:
    job: "{{ started.ansible_job_id }}"
    what: posestream:cuda
    log: /var/log/build.log
    timeout: 3600
    quiet: 20
"""

RETURN = r"""
rc:
  description: The exit status of the job's command.
  returned: always
  type: int
"""
