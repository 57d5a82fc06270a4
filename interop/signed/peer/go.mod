module chargebridge/interop/signed/peer

go 1.23

require github.com/transparency-dev/merkle v0.0.2
