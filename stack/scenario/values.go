package scenario

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"

	"github.com/mpstack/mpstack/stack/winsock"
)

// Code is a Winsock number as scenario files write it: its name, or 0.
type Code winsock.Errno

// UnmarshalText reads "WSAECONNREFUSED" or "0".
func (c *Code) UnmarshalText(text []byte) error {
	if string(text) == "0" {
		*c = 0
		return nil
	}
	for _, e := range winsock.Errnos() {
		if e.Name() == string(text) {
			*c = Code(e)
			return nil
		}
	}
	return fmt.Errorf("no Winsock number is called %q; write a name such as WSAECONNREFUSED or WSA_QOS_SENDERS, or 0", text)
}

// MarshalText writes what UnmarshalText reads.
func (c Code) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// String returns the name, or "0".
func (c Code) String() string {
	if name := winsock.Errno(c).Name(); name != "" {
		return name
	}
	return fmt.Sprint(uint32(c))
}

// protocolNames are the entries of the catalogue as scenario files name them.
var protocolNames = []string{MPJ4, MPJ6, UDP4, UDP6}

func isMPJ(protocol string) bool { return protocol == MPJ4 || protocol == MPJ6 }

func isV6(protocol string) bool { return protocol == MPJ6 || protocol == UDP6 }

// joinFlags maps the directions of a join to dwFlags.
func joinFlags(flags string) uint32 {
	switch flags {
	case FlagsSender:
		return winsock.JL_SENDER_ONLY
	case FlagsReceiver:
		return winsock.JL_RECEIVER_ONLY
	}
	return winsock.JL_BOTH
}

// socketFlags returns the multipoint flags of a role.
func socketFlags(role string) uint32 {
	switch role {
	case RoleRoot:
		return winsock.WSA_FLAG_MULTIPOINT_C_ROOT | winsock.WSA_FLAG_MULTIPOINT_D_ROOT
	case RoleLeaf:
		return winsock.WSA_FLAG_MULTIPOINT_C_LEAF | winsock.WSA_FLAG_MULTIPOINT_D_LEAF
	}
	return 0
}

var services = []struct {
	name string
	code uint32
}{
	{ServiceNone, winsock.SERVICETYPE_NOTRAFFIC},
	{ServiceBestEffort, winsock.SERVICETYPE_BESTEFFORT},
	{ServiceControlledLoad, winsock.SERVICETYPE_CONTROLLEDLOAD},
	{ServiceGuaranteed, winsock.SERVICETYPE_GUARANTEED},
}

// winsock returns q as the socket calls take it.
func (q *QOS) winsock() *winsock.QOS {
	if q == nil {
		return nil
	}
	w := &winsock.QOS{Sending: winsock.NoTraffic, Receiving: winsock.NoTraffic}
	if q.Sending != nil {
		q.Sending.apply(&w.Sending)
	}
	if q.Receiving != nil {
		q.Receiving.apply(&w.Receiving)
	}
	if q.Confirm {
		w.ProviderSpecific, _ = winsock.ReserveInfo{ConfirmRequest: true}.AppendTo(nil)
	}
	return w
}

// apply writes the members that f has to spec.
func (f *Flow) apply(spec *winsock.FlowSpec) {
	for _, s := range services {
		if s.name == f.Service {
			spec.ServiceType = s.code
		}
	}
	for _, m := range []struct {
		from *uint32
		to   *uint32
	}{
		{f.Rate, &spec.TokenRate}, {f.Bucket, &spec.TokenBucketSize}, {f.Peak, &spec.PeakBandwidth},
		{f.Latency, &spec.Latency}, {f.DelayVariation, &spec.DelayVariation},
		{f.MaxSDU, &spec.MaxSduSize}, {f.MinPoliced, &spec.MinimumPolicedSize},
	} {
		if m.from != nil {
			*m.to = *m.from
		}
	}
}

// names lists words for a message: "a, b or c".
func names(words ...string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// hints say how the values of a type are written.
var hints = map[reflect.Type]string{
	reflect.TypeFor[netip.Addr]():     "address; write one such as 10.0.1.1 or fd00:1::1",
	reflect.TypeFor[netip.Prefix]():   "address with a prefix length; write one such as 10.0.1.10/24 or fd00:1::10/64",
	reflect.TypeFor[netip.AddrPort](): `address with a port; write one such as 10.0.1.10:5000 or "[fd00:1::10]:5000"`,
}
