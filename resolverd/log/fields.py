"""The fields of log events: one name a thing, one type a name.

A field that an event may lack is left out of its line, or null. Numbers of things end in `_count`,
so that `services` is always a list and `service_count` a number; times end in `seconds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Field(NamedTuple):
    """A field's type (`str`, `int`, `float`, `bool`, `list` of str, `dict`), and its meaning."""

    kind: type
    text: str


FIELDS: Mapping[str, Field] = {
    # What an event is about.
    "service": Field(str, "a service"),
    "services": Field(list, "services that the event is true of"),
    "region": Field(str, "a region"),
    "regions": Field(list, "regions"),
    "endpoint": Field(str, "an endpoint of that region"),
    "probe": Field(str, "the service whose own settings probe it; empty for the shared probe"),
    "pin": Field(str, "a pin; empty for clients without one"),
    "target": Field(
        str,
        "what an override is on: a region, region@service or endpoint; what a spill rule is "
        "of: service or service/region",
    ),
    "family": Field(str, "an address family: ipv4 or ipv6"),
    "condition": Field(str, "what a probe saw beyond up and down"),
    "hostname": Field(str, "a hostname that is resolved"),
    "address": Field(str, "a service address of anycast"),
    "addresses": Field(list, "IP addresses"),
    "addresses_before": Field(list, "the IP addresses before"),
    "url": Field(str, "a URL, its secrets hidden"),
    "file": Field(str, "a file"),
    "files": Field(list, "files"),
    "directory": Field(str, "a directory"),
    "databases": Field(list, "the geographic databases in use"),
    "listen": Field(list, "the addresses and ports that are answered on"),
    "listener": Field(str, "one of them, or one of the admin API"),
    "socket": Field(str, "the admin API's Unix socket"),
    "http": Field(str, "the admin API's TCP listener"),
    "missing": Field(list, "transports that it lacks"),
    "option": Field(str, "an option of the configuration"),
    "parts": Field(list, "parts of an edit: the configuration, the databases, zones"),
    "task": Field(str, "a task beside the answers"),
    "engine": Field(str, "native or reference"),
    "policy": Field(str, "the policy of a client map"),
    "signal": Field(str, "a signal"),
    "library": Field(str, "a library, by its logger"),
    "thread": Field(str, "a thread"),
    "object": Field(str, "a Python object"),
    "server": Field(str, "a NATS server, its secrets hidden"),
    "subject": Field(str, "a subject of NATS"),
    "bucket": Field(str, "a bucket of NATS"),
    "bucket_key": Field(str, "a key of that bucket"),
    "edge": Field(str, "an edge of the fleet, or all"),
    "edge_count": Field(int, "edges that have a say"),
    "down_count": Field(int, "those of them that say that it is down"),
    "kube_kind": Field(str, "a kind of object of a Kubernetes cluster"),
    "kube_object": Field(str, "an object of a Kubernetes cluster"),
    "path": Field(str, "the path of a request to the admin API"),
    "packet": Field(str, "a DNS message, in hexadecimal"),
    "pid": Field(int, "a process"),
    "pids": Field(list, "processes"),
    "overrides": Field(list, "overrides: region, kind, who and why"),
    # What happened to it.
    "before": Field(str, "the state or kind before"),
    "after": Field(str, "the state or kind since"),
    "reason": Field(str, "why, in words"),
    "consequence": Field(str, "what follows from it"),
    "hint": Field(str, "what to do"),
    "problems": Field(list, "lines as `resolverd check` prints them, or one for each fault"),
    "message": Field(str, "the words of somebody else's message"),
    "meanwhile": Field(str, "what is true at the same time"),
    "exception": Field(str, "a traceback"),
    "who": Field(str, "the operator"),
    "kind": Field(
        str, "the kind of an override: up, down or drain; the share of a spill rule, or off"
    ),
    "changed": Field(str, "what an edit changed, in words"),
    "adopted_at": Field(str, "when files were adopted, in UTC"),
    "since": Field(str, "since when, in UTC"),
    "digest": Field(str, "the SHA-256 of a published set"),
    "trial": Field(bool, "whether it is on trial"),
    "figures": Field(dict, "the figures of a proof, by name"),
    "early": Field(bool, "whether it was before it was ready"),
    "field": Field(str, "in what servers of one service differ"),
    "fields": Field(list, "fields of a message to the service manager"),
    "value": Field(str, "what this server says"),
    "majority": Field(str, "what most say"),
    # What an endpoint offers its probe.
    "metrics": Field(str, "whether its metrics can be read"),
    "processes": Field(str, "its processes"),
    "engines": Field(str, "its engines"),
    "models": Field(str, "its models"),
    "version": Field(str, "its version"),
    "key": Field(str, "whether it asks for a key"),
    # How much.
    "seconds": Field(float, "how long; null: without an end"),
    "interval_seconds": Field(float, "how often"),
    "limit_octets": Field(int, "the longest message that is taken"),
    "limit_seconds": Field(float, "the longest that is waited for"),
    "oldest_seconds": Field(float, "the age of the oldest"),
    "retry_seconds": Field(float, "when it is tried again"),
    "settle_seconds": Field(float, "how long files must rest: server.settle"),
    "days_left": Field(float, "days until a certificate expires"),
    "queries_per_second": Field(float, "queries in a second; null: unknown"),
    "percent": Field(int, "how much is done"),
    "share": Field(float, "the share of clients, from 0 to 1"),
    "saturation": Field(float, "load by capacity; 1 is full"),
    "generation": Field(int, "the generation that is served"),
    "number": Field(int, "the number of a published generation"),
    "workers": Field(int, "threads or processes that answer"),
    "failures": Field(int, "failures in a row"),
    "connections": Field(int, "TCP connections at once"),
    "configured_connections": Field(int, "the TCP connections that are configured"),
    "descriptors": Field(int, "descriptors that the process may open"),
    "reserved_descriptors": Field(int, "those that are not for TCP"),
    "bytes": Field(int, "octets of memory"),
    "word_count": Field(int, "words of operators"),
    "zone_count": Field(int, "zones"),
    "service_count": Field(int, "services"),
    "region_count": Field(int, "regions"),
    "endpoint_count": Field(int, "endpoints"),
    "network_count": Field(int, "networks that the map distinguishes"),
    "list_count": Field(int, "distinct preference lists"),
    "name_count": Field(int, "hostnames"),
    "file_count": Field(int, "files"),
    "database_count": Field(int, "databases"),
    "event_count": Field(int, "events"),
    "query_count": Field(int, "queries"),
    "received": Field(dict, "queries received, by transport"),
    "rcodes": Field(dict, "responses, by RCODE"),
    # Of one query.
    "client": Field(str, "the address that asked"),
    "transport": Field(str, "udp or tcp"),
    "qname": Field(str, "the QNAME"),
    "qtype": Field(str, "the QTYPE"),
    "qclass": Field(str, "the QCLASS, where it is not IN"),
    "subnet": Field(str, "the EDNS client subnet, where one is given"),
    "rcode": Field(str, "the RCODE of the response"),
    "octets": Field(int, "the length of the response or message"),
    "dropped": Field(str, "why it got no response"),
    "malformed": Field(str, "what is malformed about it"),
}

COMMON: Mapping[str, str] = {
    "timestamp": "when, in UTC (RFC 3339)",
    "level": "debug, info, warning, error or critical",
    "event": "the name of the event",
    "component": "the part of the daemon that it comes from",
}
"""What every line has beside its own fields."""
