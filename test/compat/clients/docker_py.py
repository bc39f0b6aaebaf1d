"""docker-py (Debian's python3-docker) against the engine in DOCKER_HOST. Prints one JSON line for each case."""

import io
import json
import socket
import struct
import tarfile
import threading
import time
import traceback

import docker
from docker.errors import APIError, ContainerError, ImageNotFound, NotFound
from docker.types import Healthcheck, LogConfig, Mount, RestartPolicy, Ulimit

client = docker.from_env(timeout=30)
api = client.api
CASES = []


def case(function):
    CASES.append(function)
    return function


def eq(actual, expected):
    if actual != expected:
        raise AssertionError(f"got {actual!r}, expected {expected!r}")


def raises(kind, function, text=""):
    try:
        function()
    except kind as error:
        if text not in str(error):
            raise AssertionError(f"{text!r} is not in {error}")
        return error
    raise AssertionError(f"no {kind.__name__}")


def sleeper(name, **options):
    return client.containers.run("busybox", ["sleep", "1000"], name=name, detach=True, stop_signal="KILL", **options)


def tar_of(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


@case
def ping_version_info():
    eq(client.ping(), True)
    version = client.version()
    eq(version["Os"], "linux")
    assert version["ApiVersion"] and version["MinAPIVersion"] and version["Components"]
    info = client.info()
    eq(info["OSType"], "linux")
    assert isinstance(info["NCPU"], int) and isinstance(info["MemTotal"], int)


@case
def run_returns_output():
    eq(client.containers.run("busybox", "echo hi", remove=True), b"hi\n")
    eq(client.containers.run("busybox", ["sh", "-c", "echo o; echo e >&2"], remove=True, stderr=True, stdout=False), b"e\n")
    error = raises(ContainerError, lambda: client.containers.run("busybox", ["sh", "-c", "echo why >&2; exit 3"], remove=True))
    eq((error.exit_status, error.stderr), (3, b"why\n"))
    raises(ImageNotFound, lambda: client.containers.create("nosuch:tag", "true"))


@case
def run_stream():
    eq(b"".join(client.containers.run("busybox", ["sh", "-c", "for i in 1 2 3; do echo $i; done"], remove=True, stream=True)), b"1\n2\n3\n")


@case
def container_attributes():
    container = sleeper("attrs", labels={"a": "b"}, environment={"X": "y"}, hostname="host1", ports={"80/tcp": ("127.0.0.1", None)})
    container.reload()
    eq((container.name, container.status, container.short_id), ("attrs", "running", container.id[:10] if len(container.short_id) == 10 else container.id[:12]))
    eq(container.labels["a"], "b")
    assert "X=y" in container.attrs["Config"]["Env"]
    eq(container.attrs["Config"]["Hostname"], "host1")
    eq(container.image.tags, ["busybox:latest"])
    assert int(container.ports["80/tcp"][0]["HostPort"]) > 0
    eq(container.attrs["State"]["Running"], True)
    container.stop()
    container.reload()
    eq((container.status, container.wait()["StatusCode"]), ("exited", 137))
    container.remove()
    raises(NotFound, container.reload, "No such container")


@case
def lifecycle():
    container = client.containers.create("busybox", ["sleep", "1000"], name="life", stop_signal="KILL")
    eq(container.status, "created")
    container.start()
    container.restart(timeout=0)
    container.pause()
    container.reload()
    eq(container.status, "paused")
    container.unpause()
    container.rename("life2")
    container.reload()
    eq(container.name, "life2")
    container.update(mem_limit="96m", memswap_limit="192m", cpu_shares=512)
    container.reload()
    eq(container.attrs["HostConfig"]["Memory"], 96 << 20)
    eq(api.update_container(container.id, restart_policy={"Name": "always"})["Warnings"] or [], [])
    error = raises(APIError, lambda: container.remove())
    eq(error.response.status_code, 409)
    container.remove(force=True, v=True)


@case
def lists_with_filters_as_lists():
    one = sleeper("lone", labels={"group": "x", "n": "1"})
    two = client.containers.create("busybox", "true", name="ltwo", labels={"group": "x", "n": "2"})
    names = lambda **options: sorted(found.name for found in client.containers.list(**options))
    eq(names(), ["lone"])
    eq(names(all=True, filters={"label": ["group=x"]}), ["lone", "ltwo"])
    eq(names(all=True, filters={"label": ["group=x", "n=2"]}), ["ltwo"])
    eq(names(all=True, filters={"status": "created"}), ["ltwo"])
    eq(names(all=True, filters={"name": "lo"}), ["lone"])
    eq(names(all=True, filters={"since": "lone"}), ["ltwo"])
    eq(names(all=True, filters={"before": "ltwo"}), ["lone"])
    eq(names(limit=1), ["ltwo"])
    eq(len(api.containers(quiet=True, all=True)), 2)
    eq(api.containers(all=True, size=True)[0].get("SizeRw") is not None, True)
    one.remove(force=True)
    two.remove()


@case
def logs():
    container = client.containers.run("busybox", ["sh", "-c", "echo a; sleep 0.2; echo b >&2; sleep 0.2; echo c"], detach=True)
    eq(b"".join(container.logs(stream=True, follow=True)), b"a\nb\nc\n")
    container.wait()
    eq(container.logs(), b"a\nb\nc\n")
    eq(container.logs(stdout=True, stderr=False), b"a\nc\n")
    eq(container.logs(tail=1), b"c\n")
    stamp, text = container.logs(timestamps=True).splitlines()[0].split(b" ", 1)
    eq((text, stamp[-1:], len(stamp)), (b"a", b"Z", 30))
    eq(container.logs(since=int(time.time()) + 100), b"")
    eq(container.logs(until=int(time.time()) - 100), b"")
    container.remove()


@case
def attach_streams():
    container = client.containers.create("busybox", ["sh", "-c", "echo out; echo err >&2"])
    stream = container.attach(stream=True, demux=True)
    container.start()
    parts = list(stream)
    eq(b"".join(out for out, _ in parts if out), b"out\n")
    eq(b"".join(err for _, err in parts if err), b"err\n")
    container.wait()
    eq(container.attach(logs=True, stdout=True, stderr=False), b"out\n")
    container.remove()


def read_frames(raw):
    found = []
    while True:
        header = b""
        while len(header) < 8:
            part = raw.recv(8 - len(header))
            if not part:
                return found
            header += part
        kind, size = struct.unpack(">BxxxL", header)
        data = b""
        while len(data) < size:
            data += raw.recv(size - len(data))
        found.append((kind, data))


@case
def attach_socket_with_half_close():
    container = client.containers.create("busybox", ["cat"], stdin_open=True)
    handle = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    raw = getattr(handle, "_sock", handle)
    container.start()
    raw.sendall(b"through")
    raw.shutdown(socket.SHUT_WR)
    eq(b"".join(data for kind, data in read_frames(raw) if kind == 1), b"through")
    handle.close()
    eq(container.wait()["StatusCode"], 0)
    container.remove()


@case
def attach_socket_on_terminal():
    container = client.containers.create("busybox", ["sh", "-c", "stty -echo; read x; echo got $x"], stdin_open=True, tty=True)
    handle = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    raw = getattr(handle, "_sock", handle)
    container.start()
    container.resize(40, 120)
    time.sleep(0.2)
    raw.sendall(b"word\n")
    data = b""
    while b"got word\r\n" not in data:
        part = raw.recv(4096)
        assert part, data
        data += part
    handle.close()
    container.wait()
    container.remove()


@case
def exec_run():
    container = sleeper("pyexec")
    eq(tuple(container.exec_run("echo hi")), (0, b"hi\n"))
    eq(container.exec_run(["sh", "-c", "echo o; echo e >&2; exit 4"], demux=True), (4, (b"o\n", b"e\n")))
    eq(container.exec_run("id -u", user="7").output, b"7\n")
    eq(container.exec_run("pwd", workdir="/etc").output, b"/etc\n")
    eq(container.exec_run(["sh", "-c", "echo $Z"], environment={"Z": "zz"}).output, b"zz\n")
    eq(container.exec_run("tty", tty=True).output.startswith(b"/dev/pts/"), True)
    eq(len(container.exec_run("true", detach=True).output), 0)
    eq(b"".join(container.exec_run("echo streamed", stream=True).output), b"streamed\n")
    container.remove(force=True)


@case
def exec_socket_and_inspect():
    container = sleeper("pysock")
    exec_id = api.exec_create(container.id, ["cat"], stdin=True, tty=False, user="nobody", privileged=False)["Id"]
    before = api.exec_inspect(exec_id)
    eq((before["Running"], before["ExitCode"], before["ContainerID"]), (False, None, container.id))
    eq((before["ProcessConfig"]["entrypoint"], before["ProcessConfig"]["arguments"], before["ProcessConfig"]["user"]), ("cat", [], "nobody"))
    handle = api.exec_start(exec_id, socket=True)
    raw = getattr(handle, "_sock", handle)
    raw.sendall(b"ping")
    eq(api.exec_inspect(exec_id)["Running"], True)
    assert exec_id in api.inspect_container(container.id)["ExecIDs"]
    raw.shutdown(socket.SHUT_WR)
    eq(read_frames(raw), [(1, b"ping")])
    handle.close()
    after = api.exec_inspect(exec_id)
    eq((after["Running"], after["ExitCode"]), (False, 0))
    eq(api.inspect_container(container.id)["ExecIDs"], None)
    error = raises(APIError, lambda: api.exec_start(exec_id))
    eq(error.response.status_code, 409)
    raises(NotFound, lambda: api.exec_inspect("0" * 64), "No such exec instance")
    container.remove(force=True)


@case
def exec_in_stopped_container():
    container = client.containers.create("busybox", "true")
    error = raises(APIError, lambda: container.exec_run("true"), "is not running")
    eq(error.response.status_code, 409)
    container.remove()


@case
def archives():
    container = sleeper("pyarc")
    eq(container.put_archive("/tmp", tar_of({"a/b.txt": b"content"})), True)
    eq(container.exec_run("cat /tmp/a/b.txt").output, b"content")
    chunks, stat = container.get_archive("/tmp/a")
    eq((stat["name"], stat["linkTarget"]), ("a", ""))
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        eq(sorted(archive.getnames()), ["a", "a/b.txt"])
        eq(archive.extractfile("a/b.txt").read(), b"content")
    raises(NotFound, lambda: container.get_archive("/nosuch"), "Could not find the file /nosuch in container")
    raises(NotFound, lambda: container.put_archive("/nosuch", tar_of({"x": b""})))
    container.remove(force=True)


@case
def diff_export_commit():
    container = client.containers.run("busybox", ["sh", "-c", "echo x > /made"], detach=True, name="pydiff")
    container.wait()
    assert {"Path": "/made", "Kind": 1} in container.diff(), container.diff()
    with tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))) as archive:
        assert "made" in archive.getnames()
    image = container.commit("pycommitted", "v1", message="m", author="a", conf={"Cmd": ["cat", "/made"]})
    eq(client.containers.run("pycommitted:v1", remove=True), b"x\n")
    container.remove()
    client.images.remove(image.id, force=True)


@case
def top_and_stats():
    container = sleeper("pystat", mem_limit="64m")
    # The runtime goes over into the command a moment after the start is answered, as runc does.
    for _ in range(50):
        table = container.top(ps_args="-o pid,args")
        if "create" not in table["Processes"][0][1]:
            break
        time.sleep(0.02)
    eq(table["Titles"], ["PID", "COMMAND"])
    assert table["Processes"][0][1] in ("sleep 1000", "[sleep]"), table
    stats = container.stats(stream=False)
    eq((stats["memory_stats"]["limit"], stats["pids_stats"]["current"], stats["name"]), (64 << 20, 1, "/pystat"))
    assert stats["cpu_stats"]["system_cpu_usage"] > stats["precpu_stats"].get("system_cpu_usage", 0)
    assert stats["networks"]["eth0"]["rx_bytes"] >= 0
    stream = container.stats(stream=True, decode=True)
    first, second = next(stream), next(stream)
    eq(second["preread"], first["read"])
    stream.close()
    container.remove(force=True)


@case
def host_config():
    container = client.containers.create(
        "busybox",
        "true",
        name="pyhost",
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 3},
        ulimits=[Ulimit(name="nofile", soft=100, hard=200)],
        log_config=LogConfig(type="json-file", config={"max-size": "1m"}),
        healthcheck=Healthcheck(test=["CMD", "true"], interval=5_000_000_000, retries=2),
        mounts=[Mount("/t", None, type="tmpfs", tmpfs_size=65536)],
        cap_add=["NET_ADMIN"],
        dns=["9.9.9.9"],
        extra_hosts={"h": "10.0.0.1"},
        tmpfs={"/run": "size=1m"},
        shm_size=1 << 20,
        init=True,
        read_only=True,
        working_dir="/tmp",
        user="1",
        entrypoint=["/bin/sh", "-c"],
        volumes={"pyvol": {"bind": "/data", "mode": "ro"}},
    )
    config, host = container.attrs["Config"], container.attrs["HostConfig"]
    eq(host["RestartPolicy"], {"Name": "on-failure", "MaximumRetryCount": 3})
    eq(host["Ulimits"], [{"Name": "nofile", "Soft": 100, "Hard": 200}])
    eq(host["LogConfig"], {"Type": "json-file", "Config": {"max-size": "1m"}})
    eq(config["Healthcheck"], {"Test": ["CMD", "true"], "Interval": 5000000000, "Retries": 2})
    eq((host["CapAdd"], host["Dns"], host["ExtraHosts"]), (["CAP_NET_ADMIN"], ["9.9.9.9"], ["h:10.0.0.1"]) if host["CapAdd"] == ["CAP_NET_ADMIN"] else (["NET_ADMIN"], ["9.9.9.9"], ["h:10.0.0.1"]))
    eq((host["Tmpfs"], host["ShmSize"], host["Init"], host["ReadonlyRootfs"]), ({"/run": "size=1m"}, 1 << 20, True, True))
    eq((config["Entrypoint"], config["Cmd"], config["User"], config["WorkingDir"]), (["/bin/sh", "-c"], ["true"], "1", "/tmp"))
    eq(sorted(mount["Destination"] for mount in container.attrs["Mounts"]), ["/data", "/t"])
    container.remove(v=True)
    client.volumes.get("pyvol").remove()


@case
def networks():
    network = client.networks.create(
        "pynet",
        driver="bridge",
        labels={"l": "m"},
        ipam=docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet="10.181.0.0/24", gateway="10.181.0.1")]),
    )
    eq(network.attrs["IPAM"]["Config"], [{"Subnet": "10.181.0.0/24", "Gateway": "10.181.0.1"}])
    eq([found.name for found in client.networks.list(filters={"label": ["l=m"]})], ["pynet"])
    eq([found.name for found in client.networks.list(names=["pynet"])], ["pynet"])
    container = sleeper("pynetted")
    network.connect(container, aliases=["al"], ipv4_address="10.181.0.77")
    container.reload()
    settings = container.attrs["NetworkSettings"]["Networks"]["pynet"]
    eq((settings["IPAddress"], settings["NetworkID"]), ("10.181.0.77", network.id))
    assert "al" in settings["Aliases"]
    network.reload()
    eq([found.name for found in network.containers], ["pynetted"])
    error = raises(APIError, network.remove, "has active endpoints")
    eq(error.response.status_code, 403)
    network.disconnect(container, force=True)
    network.remove()
    raises(NotFound, network.reload, "network")
    eq(client.networks.prune()["NetworksDeleted"], None)
    container.remove(force=True)


@case
def volumes():
    volume = client.volumes.create("pyv", labels={"k": "v"})
    eq((volume.name, volume.attrs["Driver"], volume.attrs["Labels"]), ("pyv", "local", {"k": "v"}))
    eq([found.name for found in client.volumes.list(filters={"label": ["k=v"]})], ["pyv"])
    client.containers.run("busybox", ["sh", "-c", "echo in > /d/f"], volumes={"pyv": {"bind": "/d", "mode": "rw"}}, remove=True)
    eq(client.containers.run("busybox", "cat /d/f", volumes=["pyv:/d"], remove=True), b"in\n")
    volume.remove()
    raises(NotFound, volume.reload, "no such volume")
    eq(isinstance(client.volumes.prune()["SpaceReclaimed"], int), True)


@case
def build():
    context = io.BytesIO(tar_of({"Dockerfile": b"FROM busybox\nARG A=1\nCOPY f /f\nRUN echo $A > /a\nLABEL l=m\n", "f": b"file"}))
    image, log = client.images.build(fileobj=context, custom_context=True, tag="pybuilt:1", buildargs={"A": "2"}, rm=True, labels={"x": "y"})
    lines = list(log)
    assert any("Step 1/" in line.get("stream", "") for line in lines), lines
    assert any(line.get("aux", {}).get("ID") == image.id for line in lines), lines
    eq(image.tags, ["pybuilt:1"])
    eq((image.labels["l"], image.labels["x"]), ("m", "y"))
    eq(client.containers.run("pybuilt:1", "cat /f /a", remove=True), b"file2\n")
    raises(docker.errors.BuildError, lambda: client.images.build(fileobj=io.BytesIO(b"FROM busybox\nRUN exit 9\n")), "returned a non-zero code: 9")
    client.images.remove("pybuilt:1")


@case
def images():
    image = client.images.get("busybox")
    eq(image.tag("pytag", "v"), True)
    eq([found.id for found in client.images.list("pytag")], [image.id])
    eq(len(client.images.list(filters={"reference": ["py*:v"]})), 1)
    assert len(image.history()) >= 1
    saved = b"".join(client.images.get("pytag:v").save(named="pytag:v"))
    client.images.remove("pytag:v")
    raises(ImageNotFound, lambda: client.images.get("pytag:v"), "No such image")
    eq(client.images.load(saved)[0].tags.count("pytag:v"), 1)
    client.images.remove("pytag:v")
    eq(isinstance(client.images.prune()["SpaceReclaimed"], int), True)
    raises(APIError, lambda: client.images.pull("127.0.0.1:1/none", tag="x"))


@case
def events():
    found, ready = [], threading.Event()
    stream = client.events(decode=True, filters={"type": ["container"], "event": ["start", "die"]})

    def listen():
        for event in stream:
            found.append((event["Action"], event["Actor"]["Attributes"]["name"], event["status"], event["id"] == event["Actor"]["ID"]))
            if len(found) == 2:
                ready.set()
                return

    threading.Thread(target=listen, daemon=True).start()
    time.sleep(0.5)
    container = client.containers.run("busybox", "true", detach=True, name="pyevent")
    assert ready.wait(10), found
    eq(found, [("start", "pyevent", "start", True), ("die", "pyevent", "die", True)])
    container.wait()
    past = list(client.events(decode=True, since=int(time.time()) - 5, until=int(time.time()) + 1, filters={"container": "pyevent", "event": "die"}))
    eq(past[0]["Actor"]["Attributes"]["exitCode"], "0")
    container.remove()


@case
def df_and_prune():
    usage = client.df()
    eq(sorted(key for key in usage if key in ("Images", "Containers", "Volumes", "BuildCache", "LayersSize")), ["BuildCache", "Containers", "Images", "LayersSize", "Volumes"])
    container = client.containers.create("busybox", "true")
    pruned = client.containers.prune()
    eq(pruned["ContainersDeleted"], [container.id])
    eq(client.containers.prune()["ContainersDeleted"], None)


@case
def wait_conditions():
    container = client.containers.create("busybox", ["sh", "-c", "sleep 0.3; exit 5"])
    answer = {}
    waiter = threading.Thread(target=lambda: answer.update(container.wait(condition="next-exit")))
    waiter.start()
    time.sleep(0.2)
    container.start()
    waiter.join(10)
    eq(answer["StatusCode"], 5)
    container.remove()
    error = raises(APIError, lambda: api.wait("nobody"))
    eq(error.response.status_code, 404)


@case
def bad_requests():
    error = raises(APIError, lambda: client.containers.create("busybox", name="no/slash"), "Invalid container name (no/slash)")
    eq(error.response.status_code, 400)
    raises(APIError, lambda: client.containers.list(filters={"nosuch": "x"}), "invalid filter 'nosuch'")
    raises(APIError, lambda: client.containers.run("busybox", "true", mem_limit="1k"), "inimum memory limit")


def run(function):
    try:
        function()
        return None
    except Exception:
        return traceback.format_exc(limit=-4)
    finally:
        for container in client.containers.list(all=True):
            try:
                container.remove(force=True, v=True)
            except Exception:
                pass


if __name__ == "__main__":
    for function in CASES:
        error = run(function)
        print(json.dumps({"name": function.__name__, "error": error}, separators=(",", ":")), flush=True)
