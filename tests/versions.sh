#!/usr/bin/env bash
# Crates that speak to strangers are no older than what mends their known faults. The advisory database has no entry for most
# of them, so the table stands here; Cargo.lock says what is used. A crate that is in no lock file is not used, and passes.
set -euo pipefail
cd "$(dirname "$0")/.."

# crate, least version, why
table='
libp2p-gossipsub 0.50.1  GHSA-vrx6-jcp8-vm7m, GHSA-xqmp-fxgv-xvq5, GHSA-gc42-3jg7-rxr2: hostile PRUNE and GRAFT end a node
yamux            0.13.10 CVE-2026-32314, CVE-2026-31814: hostile frames end a node
libp2p-quic      0.13.1  GHSA-5hq8-qhww-jm7q: a hostile certificate ends a node
libp2p-core      0.31.1  RUSTSEC-2022-0009: keys of peer records were not checked
libp2p           0.45.1  RUSTSEC-2022-0084: no limits on what peers may use
quinn-proto      0.11.15 RUSTSEC-2026-0037, RUSTSEC-2026-0185: hostile packets end a node, or fill its memory
rustls           0.23.18 RUSTSEC-2024-0336, RUSTSEC-2024-0399: hostile handshakes keep a node busy, or end it
rustls-webpki    0.103.13 RUSTSEC-2026-0049, RUSTSEC-2026-0098, RUSTSEC-2026-0099, RUSTSEC-2026-0104: certificates are read wrongly, or end a node
ring             0.17.12 RUSTSEC-2025-0009: a hostile QUIC packet ends a node that checks for overflow
hickory-proto    0.26.1  RUSTSEC-2026-0118, RUSTSEC-2026-0119: hostile name servers keep a node busy
snow             0.9.5   RUSTSEC-2024-0011: handshakes accept nonces again
ruint            1.20.0  RUSTSEC-2026-0220: shifts say wrongly whether bits were lost
wasmtime         48.0.4  GHSA-32h6-97mm-8q3c: a component may overflow the stack of its host
'

lock=${1:-Cargo.lock}
code=0
while read -r crate least why; do
  [ -n "$crate" ] || continue
  # A crate may be there in several versions, and each of them is used by somebody.
  for version in $(grep -A1 -x "name = \"$crate\"" "$lock" | sed -n 's/^version = "\(.*\)"$/\1/p'); do
    if [ "$(printf '%s\n' "$least" "$version" | sort -V | head -n1)" != "$least" ]; then
      echo "$lock has $crate $version, and must have $least at least ($why): cargo update -p $crate" >&2
      code=1
    fi
  done
done <<<"$table"
[ "$code" = 0 ] || exit "$code"
echo "no crate that speaks to strangers is older than what mends its known faults"
