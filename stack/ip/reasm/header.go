package reasm

import "github.com/mpstack/mpstack/wire/inet"

const (
	fragmentHeaderLen = 8
	payloadLengthAt   = 4 // in the IPv6 header
	nextHeaderAt      = 6 // in the IPv6 header
)

// fragmentNamedAt returns where in head, which ends with a Fragment header,
// that header is named: in the IPv6 header or in the extension header before.
func fragmentNamedAt(head []byte) int {
	at, next, rest := nextHeaderAt, head[nextHeaderAt], head[inet.HeaderLenIPv6:]
	for next != inet.ProtoFragment {
		x, after, err := inet.NextExtension(next, rest)
		if err != nil {
			return at
		}
		at, next, rest = len(head)-len(rest), x.Next, after
	}
	return at
}

// completeChain reports whether b, which begins with a header of type next,
// holds all headers up to the upper layer's (RFC 7112 section 3).
func completeChain(next uint8, b []byte) bool {
	for inet.IsExtension(next) {
		x, rest, err := inet.NextExtension(next, b)
		if err != nil {
			return false
		}
		next, b = x.Next, rest
	}
	return len(b) >= upperHeaderLen(next)
}

// upperHeaderLen returns how long the header of an upper protocol is at least.
func upperHeaderLen(proto uint8) int {
	switch proto {
	case inet.ProtoNoNext:
		return 0
	case inet.ProtoTCP:
		return 20
	case inet.ProtoUDP, inet.ProtoRSVP, inet.ProtoESP:
		return 8
	case inet.ProtoICMPv6:
		return 4
	}
	return 1
}
