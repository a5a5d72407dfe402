"""aloqd's configuration, written from Python values.

A dict is a group, a list an array of strings, and the rest what it looks like."""


def render(settings, indent=""):
    """The settings as aloqd reads them."""
    return "".join(f"{indent}{name} = {_value(value, indent)};\n" for name, value in settings.items())


def _value(value, indent):
    if isinstance(value, dict):
        return "{\n" + render(value, indent + "  ") + indent + "}"
    if isinstance(value, (list, tuple)):
        return "[ " + ", ".join(_value(item, indent) for item in value) + " ]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# from_properties of tests that kill: a killed instance's partitions wait for its session to end. Others keep
# aloqd's own, which a busy machine does not outrun.
QUICK_SESSION = ["session.timeout.ms=3000", "heartbeat.interval.ms=500"]


def relay(cluster, source, target, *, to_cluster=None, name="relay", group=None, sources=None, **settings):
    """The settings of a daemon with one pipeline. `settings` go to the pipeline; from_... and to_... to its
    two ends (to_acks=1), aloqd_... to the daemon."""
    pipeline = {"from": {"cluster": "source", "topics": sources or [source], "group": group or f"g-{source}"},
                "to": {"cluster": "target", "topic": target}}
    daemon = {}
    for key, value in settings.items():
        if key.startswith("from_"):
            pipeline["from"][key[5:]] = value
        elif key.startswith("to_"):
            pipeline["to"][key[3:]] = value
        elif key.startswith("aloqd_"):
            daemon[key[6:]] = value
        else:
            pipeline[key] = value
    clusters = {"source": {"brokers": brokers_of(cluster)},
                "target": {"brokers": brokers_of(to_cluster or cluster)}}
    return {"aloqd": daemon, "clusters": clusters, "pipelines": {name: pipeline}}


def brokers_of(cluster):
    """A Cluster, or a bootstrap list."""
    return cluster if isinstance(cluster, str) else cluster.brokers
