"""From one packet to one response: the meaning that every engine shares.

`respond` is pure but for its counters and samples: the same packet, source, Snapshot and limit give
the same octets. Errors are answered and counted, never raised.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from resolverd.dns.codes import (
    AAAA,
    ANY,
    AXFR,
    BADVERS,
    CLASS_IN,
    CNAME,
    DNAME,
    DS,
    FORMERR,
    HINFO,
    IXFR,
    NOERROR,
    NOTIMP,
    NXDOMAIN,
    OPT,
    REFUSED,
    SERVFAIL,
    TYPE_NAMES,
    YXDOMAIN,
    A,
)
from resolverd.dns.edns import ExtendedError
from resolverd.dns.limits import ANY_TTL, MAX_CHAIN, MAX_MESSAGE, MAX_NAME, MIN_PAYLOAD
from resolverd.dns.names import Key, parent
from resolverd.dns.opt import encode_opt
from resolverd.dns.prefix import Prefix, host_prefix
from resolverd.dns.query import AA, Dropped, Malformed, Query, parse
from resolverd.dns.writer import (
    Compressible,
    Overflow,
    RRsetWire,
    Writer,
    bare,
    truncated,
)
from resolverd.engine.block_samples import BlockSample, BlockSampler
from resolverd.engine.counters import Counters
from resolverd.engine.lookup import LookupKind, classify
from resolverd.engine.slots import OTHER_TYPE
from resolverd.engine.steered import reply_of
from resolverd.policy.outcomes import NO_TRANSFER, NOT_AUTHORITATIVE, OTHER_CLASS
from resolverd.policy.share import draw_word
from resolverd.snapshot.model import (
    CachedAnswer,
    Dyna,
    MapEntry,
    Node,
    Plan,
    Referral,
    ServicePlan,
    Snapshot,
    ZonePlan,
)
from resolverd.snapshot.tiers import give, honours_ecs

# RFC 8482 §4.2: one HINFO instead of everything that the name holds.
_ANY_ANSWER = RRsetWire(HINFO, ANY_TTL, ((b"\x07RFC8482\x00",),))


def respond(
    packet: bytes,
    source: str,
    snapshot: Snapshot,
    counters: Counters,
    *,
    tcp: bool = False,
    sampler: BlockSampler | None = None,
) -> bytes | None:
    """The response to `packet` from the address `source`, or None where none may be sent.

    Without `sampler` no blocks are sampled.
    """
    transport = "tcp" if tcp else "udp"
    counters.received[transport] += 1
    try:
        query = parse(packet)
    except Dropped as why:
        counters.dropped[str(why)] += 1
        return None
    except Malformed as malformed:
        counters.malformed[malformed.kind] += 1
        return _error(malformed.query, FORMERR, snapshot.plan, counters, transport)
    if query.opcode:
        return _error(query, NOTIMP, snapshot.plan, counters, transport)
    if query.edns is not None and query.edns.version:
        return _error(query, BADVERS, snapshot.plan, counters, transport)
    if query.qtype == OPT:
        counters.malformed["qtype_opt"] += 1
        return _error(query, FORMERR, snapshot.plan, counters, transport)
    if query.qclass != CLASS_IN:
        return _error(query, REFUSED, snapshot.plan, counters, transport, OTHER_CLASS)
    zone = _zone_asked(snapshot.plan, query)
    if zone is None:
        return _error(query, REFUSED, snapshot.plan, counters, transport, NOT_AUTHORITATIVE)
    if query.qtype in (AXFR, IXFR):
        return _error(query, REFUSED, snapshot.plan, counters, transport, NO_TRANSFER)
    limit = MAX_MESSAGE if tcp else _udp_limit(query, snapshot.plan)
    return _Answer(query, source, snapshot, counters, sampler, limit, transport).write(zone)


def servfail(packet: bytes, counters: Counters, defect: BaseException) -> bytes | None:
    """What is sent when answering hit a defect of ours: SERVFAIL, with the question if any."""
    counters.failed[type(defect).__name__] += 1
    try:
        query = parse(packet)
    except (Dropped, Malformed):
        return None
    return bare(query, SERVFAIL, 0, b"")


def _zone_asked(plan: Plan, query: Query) -> ZonePlan | None:
    """The closest zone; at a cut between two zones of ours, DS is asked of the parent."""
    zone = plan.closest_zone(query.key)
    if query.qtype == DS and zone is not None and len(zone.apex) == len(query.key):
        above = plan.closest_zone(parent(query.key))
        if above is not None and classify(above, query.key).kind is LookupKind.CUT:
            return above
    return zone


def _udp_limit(query: Query, plan: Plan) -> int:
    """The requestor's payload size within this server's ceiling (RFC 6891 §6.2.3)."""
    offered = query.edns.payload if query.edns else MIN_PAYLOAD
    return min(plan.udp_payload, max(MIN_PAYLOAD, offered))


def _error(
    query: Query,
    rcode: int,
    plan: Plan,
    counters: Counters,
    transport: str,
    error: ExtendedError | None = None,
) -> bytes:
    opt = b""
    if query.edns is not None:
        opt = encode_opt(
            query.edns, payload=plan.udp_payload, rcode=rcode, nsid=plan.nsid, error=error
        )
    _count(counters, transport, query.qtype, rcode)
    return bare(query, rcode, 0, opt)


def _count(counters: Counters, transport: str, qtype: int, rcode: int) -> None:
    counters.responses[(transport, qtype if qtype in TYPE_NAMES else OTHER_TYPE, rcode)] += 1


@lru_cache(maxsize=65536)
def _resolver_prefix(source: str) -> Prefix:
    return host_prefix(source.partition("%")[0])


@dataclass(slots=True)
class _ReplyHeader:
    """What the sections do not hold: RCODE and flags of the header, scope and error of the OPT."""

    rcode: int = NOERROR
    flags: int = AA
    scope: int = 0
    error: ExtendedError | None = None


class _Answer:
    """One authoritative answer in the making."""

    def __init__(
        self,
        query: Query,
        source: str,
        snapshot: Snapshot,
        counters: Counters,
        sampler: BlockSampler | None,
        limit: int,
        transport: str,
    ) -> None:
        self._query, self._source, self._counters = query, source, counters
        self._sampler = sampler
        self._transport = transport
        self._snapshot = snapshot
        self._plan, self._steering = snapshot
        self._writer = Writer(query, limit)
        self._reply = _ReplyHeader()
        self._redirected: list[Node] = []

    def write(self, zone: ZonePlan) -> bytes:
        """Fill the sections from `zone` and finish, truncating what does not fit."""
        reply = self._reply
        try:
            self._follow(zone)
            message = self._writer.finish(reply.rcode, reply.flags, self._opt())
        except Overflow:
            self._counters.truncated += 1
            message = truncated(self._query, reply.rcode, reply.flags, self._opt())
        _count(self._counters, self._transport, self._query.qtype, reply.rcode)
        return message

    def _opt(self) -> bytes:
        if self._query.edns is None:
            return b""
        return encode_opt(
            self._query.edns,
            payload=self._plan.udp_payload,
            rcode=self._reply.rcode,
            scope=self._reply.scope,
            nsid=self._plan.nsid,
            error=self._reply.error,
        )

    def _follow(self, zone: ZonePlan) -> None:
        """Write what the QNAME holds, following aliases while they stay in the zone."""
        name: bytes | None = self._query.name
        visited: set[Key] = set()
        while name is not None and len(visited) < MAX_CHAIN:
            key = name.lower()
            if key in visited or (visited and self._plan.closest_zone(key) is not zone):
                return
            visited.add(key)
            name = self._step(zone, name, key)

    def _step(self, zone: ZonePlan, name: bytes, key: Key) -> bytes | None:
        """Write what one name holds; the target where it is an alias."""
        result = classify(zone, key)
        match result.kind:
            case LookupKind.NODE:
                return self._node(zone, name, result.node)
            case LookupKind.NOTHING:
                self._reply.rcode = NXDOMAIN
                self._negative(zone, zone.negative_ttl)
            case LookupKind.DNAME:
                return self._dname(name, result.node, result.owner_length)
            case LookupKind.CUT:
                self._cut(zone, name, key, result.node)
        return None

    def _node(self, zone: ZonePlan, name: bytes, node: Node) -> bytes | None:
        qtype = self._query.qtype
        dyna = node.dyna
        if dyna is not None and (qtype in (A, AAAA) or self._plan.service_of(dyna).cname):
            return self._steered(zone, name, dyna)
        rrset = node.rrsets.get(qtype)
        if rrset is not None:
            self._writer.answer(name, rrset, rrset.ttl)
            return None
        alias = node.rrsets.get(CNAME)
        if alias is not None:
            return self._alias(name, alias, alias.ttl)
        if qtype == ANY and (node.rrsets or node.dyna):
            self._writer.answer(name, _ANY_ANSWER, _ANY_ANSWER.ttl)
            return None
        self._negative(zone, zone.negative_ttl)
        return None

    def _alias(self, name: bytes, alias: RRsetWire, ttl: int) -> bytes | None:
        """Write a CNAME; its target, unless CNAME or ANY was asked (RFC 1034 §3.6.2)."""
        self._writer.answer(name, alias, ttl)
        return None if self._query.qtype in (CNAME, ANY) else alias.rdatas[0][0]

    def _steered(self, zone: ZonePlan, name: bytes, dyna: Dyna) -> bytes | None:
        """Answer from what the Steering has for the client's preference list."""
        cached = self._cached(dyna)
        self._reply.error = cached.error
        kind, rrset, ttl, _ = reply_of(cached, dyna, zone, self._query.qtype)
        if kind == "servfail" or kind == "refused":
            self._reply.rcode = SERVFAIL if kind == "servfail" else REFUSED
            self._reply.flags = 0
            return None
        self._counters.give_ttl(self._plan.service_of(dyna).name, ttl)
        if rrset is None:
            self._negative(zone, ttl)
        elif kind == "alias":
            return self._alias(name, rrset, ttl)
        else:
            self._writer.answer(name, self._rotated(rrset), ttl)
        return None

    def _cached(self, dyna: Dyna) -> CachedAnswer:
        subnet = self._query.edns.subnet if self._query.edns else None
        honoured = subnet is not None and honours_ecs(self._plan, dyna)
        if subnet is not None and subnet.prefix is not None and honoured:
            client = subnet.prefix
        else:
            subnet, client = None, _resolver_prefix(self._source)
        service, entry, cached, scope, _ = give(self._snapshot, dyna, client)
        if self._sampler is not None:
            self._sample(self._sampler, service, client, entry)
        if subnet is not None:
            self._reply.scope = max(self._reply.scope, scope)
        key = (service.name, cached.region or "", cached.outcome)
        self._counters.steered[key] += 1
        if cached.first_choice:
            self._counters.first_choice[key] += 1
        for pin in entry.pins:
            self._counters.pinned[pin] += 1
        return cached

    def _sample(
        self, sampler: BlockSampler, service: ServicePlan, client: Prefix, entry: MapEntry
    ) -> None:
        """Keep the client's block, where the blocks of its region are weighed."""
        home = self._steering.home(service, entry)
        if home is None:
            return
        queries = self._steering.statuses[service.name][home].sampled
        if queries and sampler.draws(queries):
            word = draw_word(service.clients.block(client).prefix)
            sampler.put(BlockSample(service.name, home, word, queries))

    def _rotated(self, rrset: RRsetWire) -> RRsetWire:
        """The same RRset, begun at a place that the query's ID picks."""
        count = len(rrset.rdatas)
        start = self._query.id % count
        if start == 0:
            return rrset
        return RRsetWire(rrset.rtype, rrset.ttl, rrset.rdatas[start:] + rrset.rdatas[:start])

    def _negative(self, zone: ZonePlan, ttl: int) -> None:
        """The SOA whose TTL is the negative TTL (RFC 2308 §3)."""
        self._writer.authority(zone.apex, zone.soa, ttl)

    def _dname(self, name: bytes, node: Node, owner_length: int) -> bytes | None:
        """The DNAME and the CNAME synthesised from it (RFC 6672 §3.1)."""
        owner = name[-owner_length:]
        dname = node.rrsets[DNAME]
        if not any(node is known for known in self._redirected):
            self._redirected.append(node)
            self._writer.answer(owner, dname, dname.ttl)
        target = name[:-owner_length] + dname.rdatas[0][0]
        if len(target) > MAX_NAME:
            self._reply.rcode = YXDOMAIN
            return None
        alias = RRsetWire(CNAME, dname.ttl, ((Compressible(target),),))
        self._writer.answer(name, alias, alias.ttl)
        return target

    def _cut(self, zone: ZonePlan, name: bytes, key: Key, node: Node) -> None:
        referral = node.referral
        if referral is None:
            return
        if self._query.qtype == DS and referral.owner.lower() == key:
            self._parent_side(zone, name, node)
        else:
            self._refer(name, referral)

    def _parent_side(self, zone: ZonePlan, name: bytes, node: Node) -> None:
        """DS is the one type that the parent answers for at a cut (RFC 4035 §3.1.4.1)."""
        rrset = node.rrsets.get(DS)
        if rrset is None:
            self._negative(zone, zone.negative_ttl)
        else:
            self._writer.answer(name, rrset, rrset.ttl)

    def _refer(self, name: bytes, referral: Referral) -> None:
        """A referral is not authoritative, unless an alias before it was."""
        if name is self._query.name:
            self._reply.flags = 0
        self._writer.authority(referral.owner, referral.ns, referral.ns.ttl)
        for owner, rrset in referral.glue:
            self._writer.additional(owner, rrset, rrset.ttl)
