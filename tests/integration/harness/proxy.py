"""A TCP proxy that delays, freezes, resets and swallows: the kernel at hand may have no netem.

One thread; everything between the two ends passes through it in chunks. Its faults, set with
set(frozen=True) and so on, in force when that returns:

delay_s      each chunk is handed on that much later, in order
frozen       nothing is read any more: both ends see a full window
swallowing   a one-way blackhole: what clients send vanishes, the answers to what came before still pass
deafening    the other way: what clients send arrives, and the answers vanish. A connection that has lost one gets no
             other either, or its client would take the middle of an answer for the beginning of the next

and reset_all(): every connection ends with RST; new ones are accepted again at once."""

import collections
import selectors
import socket
import struct
import threading
import time

CHUNK_BYTES = 256 * 1024
# No more than this waits in the proxy for one direction of one connection.
BUFFER_BYTES = 4 * 1024 * 1024


class _Flow:
    """One direction of a connection."""

    def __init__(self, reader, writer, from_client):
        self.reader, self.writer, self.from_client = reader, writer, from_client
        self.chunks = collections.deque()  # (due, bytes)
        self.waiting_bytes = 0
        self.ended = False  # the reader's side has sent its end
        self.is_deaf = False  # a part of what was to come this way is lost, and so is the rest


class Proxy:
    """Listens on a port of the loopback and connects to another."""

    def __init__(self, listen_port, target_port):
        self.target = ("127.0.0.1", target_port)
        self.delay_s = 0.0
        self.frozen = False
        self.swallowing = False
        self.deafening = False
        self.connections_made = 0
        self._flows = []
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", listen_port), backlog=64)
        self._listener.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def set(self, **faults):
        with self._lock:
            for name, value in faults.items():
                assert hasattr(self, name), name
                setattr(self, name, value)

    def close(self):
        self._ending.set()
        self._thread.join(10)
        self.reset_all()
        self._listener.close()

    def reset_all(self):
        """Ends every connection with RST."""
        with self._lock:
            for flow in self._flows:
                self._reset(flow.reader)
            self._flows.clear()

    @staticmethod
    def _reset(end):
        try:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        end.close()

    def _run(self):
        while not self._ending.is_set():
            selector = selectors.DefaultSelector()
            selector.register(self._listener, selectors.EVENT_READ)
            with self._lock:
                if not self.frozen:
                    self._watch(selector)
                ready = selector.select(0.005)
                for key, events in ready:
                    if key.fileobj is self._listener:
                        self._accept()
                    else:
                        self._serve(key.fileobj, key.data, events)
                self._sweep()
            selector.close()
            if not ready:
                time.sleep(0.002)

    def _watch(self, selector):
        now = time.monotonic()
        interests = {}
        for flow in self._flows:
            if not flow.ended and flow.waiting_bytes < BUFFER_BYTES:
                self._want(interests, flow.reader, selectors.EVENT_READ)
            if flow.chunks and flow.chunks[0][0] <= now:
                self._want(interests, flow.writer, selectors.EVENT_WRITE)
        for end, events in interests.items():
            selector.register(end, events, [f for f in self._flows if end in (f.reader, f.writer)])

    @staticmethod
    def _want(interests, end, event):
        interests[end] = interests.get(end, 0) | event

    def _accept(self):
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(self.target, timeout=2)
        except OSError:
            self._reset(client)
            return
        for end in (client, server):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connections_made += 1
        self._flows += [_Flow(client, server, True), _Flow(server, client, False)]

    def _serve(self, end, flows, events):
        try:
            for flow in flows:
                if flow.reader is end and events & selectors.EVENT_READ:
                    self._read(flow)
                if flow.writer is end and events & selectors.EVENT_WRITE:
                    self._write(flow)
        except BlockingIOError:
            return
        except OSError:
            self._drop(flows)

    def _read(self, flow):
        data = flow.reader.recv(CHUNK_BYTES)
        if not data:
            flow.ended = True
        elif not self._loses(flow):
            flow.chunks.append((time.monotonic() + self.delay_s, data))
            flow.waiting_bytes += len(data)

    def _loses(self, flow):
        if flow.from_client:
            return self.swallowing
        flow.is_deaf = flow.is_deaf or self.deafening
        return flow.is_deaf

    @staticmethod
    def _write(flow):
        due, data = flow.chunks.popleft()
        sent = 0
        try:
            sent = flow.writer.send(data)
        finally:
            flow.waiting_bytes -= sent
            if sent < len(data):
                flow.chunks.appendleft((due, data[sent:]))

    def _drop(self, flows):
        """A connection is gone: take both its directions."""
        ends = {flow.reader for flow in flows} | {flow.writer for flow in flows}
        for end in ends:
            self._reset(end)
        self._flows = [flow for flow in self._flows if flow.reader not in ends]

    def _sweep(self):
        """Connections that one side has ended, once all that was on the way is through."""
        for flow in list(self._flows):
            if flow.ended and not flow.chunks and flow in self._flows:
                self._drop([flow])


class MessageProxy(Proxy):
    """Knows where requests and answers begin and end."""

    def __init__(self, listen_port, target_port):
        self._partial = {}  # by flow: the beginning of a message
        super().__init__(listen_port, target_port)

    def _read(self, flow):
        data = flow.reader.recv(CHUNK_BYTES)
        if not data:
            flow.ended = True
            return
        data = self._partial.pop(flow, b"") + data
        while len(data) >= 4 and len(data) >= (end := 4 + int.from_bytes(data[:4], "big")):
            self._take(flow, data[:end])
            data = data[end:]
        if data:
            self._partial[flow] = data

    def _take(self, flow, message):
        self._pass_on(flow, message)

    @staticmethod
    def _pass_on(flow, message):
        flow.chunks.append((time.monotonic(), message))
        flow.waiting_bytes += len(message)


class RequestHolder(MessageProxy):
    """Keeps requests of one kind, while set(holding=True), and lets all others pass. set(KIND=...) makes it another."""

    KIND = None  # Kafka's number for them

    def __init__(self, listen_port, target_port):
        self.holding = False
        self.passed = 0  # of its kind
        self._held = []  # (flow, request)
        super().__init__(listen_port, target_port)

    def holds(self):
        """How many."""
        with self._lock:
            return len(self._held)

    def _take(self, flow, message):
        if not flow.from_client:
            self._pass_on(flow, message)
        elif self._is_held(message):
            self._held.append((flow, message))
        else:
            self.passed += kind_of(message) == self.KIND
            self._pass_on(flow, message)

    def _is_held(self, request):
        return self.holding and kind_of(request) == self.KIND

    def _watch(self, selector):
        for flow, request in [held for held in self._held if not self._is_held(held[1])]:
            self.passed += kind_of(request) == self.KIND
            self._pass_on(flow, request)
        self._held = [held for held in self._held if self._is_held(held[1])]
        super()._watch(selector)


def kind_of(request):
    return int.from_bytes(request[4:6], "big")


class ProduceHolder(RequestHolder):
    KIND = 0


class FetchHolder(RequestHolder):
    KIND = 1


class ListOffsetsHolder(RequestHolder):
    KIND = 2


class CommitHolder(RequestHolder):
    KIND = 8


class CommitAnswers(MessageProxy):
    """Every commit of one partition arrives, and its answer is kept (set(holding=True)), or says that it has failed, nobody
    knows why (set(failing=True))."""

    def __init__(self, listen_port, target_port):
        self.holding = self.failing = False
        self.failed = 0
        self._versions = {}  # of the commits on their way, by client and correlation id
        self._held = []
        super().__init__(listen_port, target_port)

    def holds(self):
        with self._lock:
            return len(self._held)

    def _take(self, flow, message):
        if flow.from_client:
            if kind_of(message) == CommitHolder.KIND:
                self._versions[flow.reader, message[8:12]] = int.from_bytes(message[6:8], "big")
            self._pass_on(flow, message)
            return
        version = self._versions.pop((flow.writer, message[4:8]), None)
        if version is not None and self.holding:
            self._held.append(message)
            return
        if version is not None and self.failing:
            self.failed += 1
            # The error of its one partition is the last thing in it, but for the tags of later versions.
            at = len(message) - (5 if version >= 8 else 2)
            message = message[:at] + b"\xff\xff" + message[at + 2:]
        self._pass_on(flow, message)


class Proxies:
    """One in front of each node of an aliased cluster. Clients that bootstrap at `brokers` stay behind them."""

    def __init__(self, cluster, kind=Proxy):
        self.brokers = ",".join(f"127.0.0.1:{cluster.proxied_port + node}" for node in range(cluster.nodes))
        self.each = [kind(cluster.proxied_port + node, cluster.alias_port + node)
                     for node in range(cluster.nodes)]

    def set(self, **faults):
        for proxy in self.each:
            proxy.set(**faults)

    def reset_all(self):
        for proxy in self.each:
            proxy.reset_all()

    def close(self):
        for proxy in self.each:
            proxy.close()
