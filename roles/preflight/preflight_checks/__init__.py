"""What preflight refuses: one module a thought, plain functions that return the problems they find.

    inventory  what an inventory says, evaluated
    specs      names, types and choices, from the roles' argument specs
    values     one value at a time: what a port, a topic's name or a Java heap looks like
    variables  the table of which variable is which of these
    misplaced  names that are no variable of a role, and belong into one
    kafka      the broker's properties and its environment, by `properties`, Kafka's own table
    broker     the sizes of the broker that have to fit
    kafka_topics   the topics as they are to be made
    streams    SINETStream's parameters and the environment of the containers, where they are `said`
    sources    what the images and role kafka know themselves
    cameras    the cameras of a host
    relations  variables of one host that contradict each other
    lab        hosts and groups that contradict each other
    cluster    the Kafka hosts, which are one cluster
    services   what there is on a host: folders, projects, ports
    limits     what containers may take
    openings   what is open to whom
    gpus       engines, their flags and their GPUs
    fitness    the host itself: release, memory, disk, ports
    versions, unreachable   what they say

A problem is a sentence "VARIABLE: what is wrong; what to write". Only `specs` and `inventory` know
of Ansible.
"""
