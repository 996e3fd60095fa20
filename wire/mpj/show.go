package mpj

import (
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/stack/winsock"
)

// showKind renders a field of any kind; n is its number where it has one.
func showKind(f Field, n uint64, raw []byte) string {
	switch f.Kind {
	case KindHex:
		return fmt.Sprintf("0x%0*x", 2*len(raw), n)
	case KindTag:
		return fmt.Sprintf("%016x", n)
	case KindMS:
		return fmt.Sprintf("%d ms", n)
	case KindAddr:
		addr, ok := netip.AddrFromSlice(raw)
		if !ok {
			return "bad address"
		}
		return addr.String()
	case KindEnum:
		return valueName(f.Values, n)
	case KindFlags:
		return flagNames(f.Values, n)
	case KindErrno:
		if name := winsock.Errno(n).Name(); name != "" {
			return name
		}
		return fmt.Sprint(n)
	case KindCounted, KindBytes:
		return fmt.Sprintf("%x", raw)
	case KindZeros:
		return fmt.Sprintf("%d bytes", len(raw))
	}
	return fmt.Sprint(n)
}

// Bytes returns the part of a header or body that the field covers, nil where
// the body is too short. A counted field ends where its count says.
func (f Field) Bytes(body []byte) []byte {
	end := f.Offset + f.Size
	switch f.Kind {
	case KindCounted:
		if len(body) < dataHeadLen {
			return nil
		}
		end = f.Offset + int(body[0])<<8 + int(body[1])
	case KindBytes, KindZeros:
		end = len(body)
	}
	if f.Offset > end || end > len(body) {
		return nil
	}
	return body[f.Offset:end:end]
}
