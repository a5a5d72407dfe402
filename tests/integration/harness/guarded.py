"""A Kafka that asks who comes: a listener each for TLS, mutual TLS, SASL, and both, with certificates of its own."""

import contextlib
import pathlib
import subprocess
import tempfile

from .cluster import free_port, temporary_cluster

# Listener and protocol. Their ports follow each other, from the cluster's first one + 2 on.
LISTENERS = {"TLS": "SSL", "MUTUAL": "SSL", "ELSEWHERE": "SSL", "LOGIN": "SASL_PLAINTEXT", "BOTH": "SASL_SSL"}

USER = "relay"
# No password is a part of another one, or of anything else that is told.
PASSWORDS = {"PLAIN": "plain-hush-4711", "SCRAM-SHA-256": "hush256-0815", "SCRAM-SHA-512": "hush512-0816"}

MODULES = "org.apache.kafka.common.security."


class Authority:
    """Signs certificates. NAME.pem and NAME.key are in its directory, and its own are ca.pem and ca.key."""

    def __init__(self, directory):
        self.directory = directory
        self._new("ca", "-x509", "-days", "2", "-out", directory / "ca.pem")

    def sign(self, name, host):
        """A certificate for that host: IP:127.0.0.1, or DNS:NAME. Returns its path."""
        request, names = self.directory / f"{name}.csr", self.directory / f"{name}.names"
        certificate = self.directory / f"{name}.pem"
        self._new(name, "-out", request)
        names.write_text(f"subjectAltName={host}\n")
        _openssl("x509", "-req", "-in", request, "-CA", self.directory / "ca.pem", "-CAkey",
                 self.directory / "ca.key", "-CAcreateserial", "-days", "2", "-extfile", names, "-out", certificate)
        return certificate

    def key_store(self, name):
        """Key and certificates in one file, as a broker takes them."""
        store = self.directory / f"{name}.store.pem"
        store.write_text("".join((self.directory / part).read_text() for part in (f"{name}.key", f"{name}.pem",
                                                                                 "ca.pem")))
        return store

    def encrypt_key(self, name, password):
        """Its key once more, with a password. Returns the path."""
        encrypted = self.directory / f"{name}.encrypted.key"
        _openssl("pkcs8", "-topk8", "-in", self.directory / f"{name}.key", "-passout", f"pass:{password}",
                 "-out", encrypted)
        encrypted.chmod(0o600)
        return encrypted

    def _new(self, name, *options):
        key = self.directory / f"{name}.key"
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                 "-keyout", key, *options)
        key.chmod(0o600)


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stdout


@contextlib.contextmanager
def guarded_cluster():
    """A Cluster (whose plain listener is open), with .authority, and .at(listener) for who wants to be asked."""
    with tempfile.TemporaryDirectory(prefix="aloqd-tls-") as directory:
        authority = Authority(pathlib.Path(directory))
        authority.sign("server", "IP:127.0.0.1")
        authority.sign("elsewhere", "DNS:elsewhere.example")
        authority.sign("client", "DNS:client.example")
        port = free_port(2 + len(LISTENERS))
        scram = [f"{mechanism}=[name={USER},password={password}]" for mechanism, password in PASSWORDS.items()
                 if mechanism.startswith("SCRAM")]
        with temporary_cluster("guarded", port=port, scram=scram, settings=_settings(authority, port)) as cluster:
            cluster.authority = authority
            cluster.at = lambda listener: f"127.0.0.1:{_port_of(listener, port)}"
            yield cluster


def _port_of(listener, port):
    return port + 2 + list(LISTENERS).index(listener)


def _settings(authority, port):
    addresses = [f"PLAINTEXT://127.0.0.1:{port}"]
    addresses += [f"{listener}://127.0.0.1:{_port_of(listener, port)}" for listener in LISTENERS]
    protocols = [f"{listener}:{protocol}" for listener, protocol in LISTENERS.items()]
    settings = [
        f"listeners={','.join(addresses)},CONTROLLER://127.0.0.1:{port + 1}",
        f"advertised.listeners={','.join(addresses)}",
        f"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,{','.join(protocols)}",
        "ssl.keystore.type=PEM", f"ssl.keystore.location={authority.key_store('server')}",
        "ssl.truststore.type=PEM", f"ssl.truststore.location={authority.directory / 'ca.pem'}",
        "listener.name.mutual.ssl.client.auth=required",
        f"listener.name.elsewhere.ssl.keystore.location={authority.key_store('elsewhere')}",
        "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
    ]
    logins = {"plain": f'plain.PlainLoginModule required user_{USER}="{PASSWORDS["PLAIN"]}"',
              "scram-sha-256": "scram.ScramLoginModule required", "scram-sha-512": "scram.ScramLoginModule required",
              # Takes tokens that nobody has signed.
              "oauthbearer": 'oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker"'}
    for listener in ("login", "both"):
        settings += [f"listener.name.{listener}.{mechanism}.sasl.jaas.config={MODULES}{login};"
                     for mechanism, login in logins.items()]
    return settings
