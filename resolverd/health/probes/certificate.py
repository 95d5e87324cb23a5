"""When the certificate that a server has shown expires."""

from __future__ import annotations

import ssl


def expires_at(tls: ssl.SSLObject | ssl.SSLSocket) -> float | None:
    """The end of the peer certificate's validity in Unix seconds (RFC 5280 §4.1.2.5).

    None where there is no certificate, or none that can be read. One that was not verified is told
    by the ssl module in DER alone, which the `cryptography` package reads; it is loaded only then.
    """
    certificate = tls.getpeercert()
    if certificate:
        end = certificate.get("notAfter")
        return ssl.cert_time_to_seconds(end) if isinstance(end, str) else None
    der = tls.getpeercert(binary_form=True)
    return _from_der(der) if der else None


def _from_der(der: bytes) -> float | None:
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp()
    except ValueError:
        return None  # what cannot be read is unknown
