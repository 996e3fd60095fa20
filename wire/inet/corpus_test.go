package inet_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/wire/inet"
)

// counts reads "ip-ok=3;udp-bad=1".
func counts(s string) map[string]int {
	out := map[string]int{}
	for part := range strings.SplitSeq(s, ";") {
		if k, v, ok := strings.Cut(part, "="); ok {
			out[k], _ = strconv.Atoi(v)
		}
	}
	return out
}

// nested are the captures with packets inside others (MPLS, PIM Register,
// VXLAN, ICMP quotes) or behind a Routing header, which the manifest counts too.
var nested = map[string]bool{
	"Jakubkkk12+network_labs/traffic_P3-P7.pcap":                        true,
	"ajbanjara+Wireshark/mpls-basic.cap":                                true,
	"ajbanjara+Wireshark/mpls-exp.cap":                                  true,
	"kholia+my-pcaps/10-0.0-1413487592.pcap":                            true,
	"kholia+my-pcaps/more-captures__10-0.0-1413487592.pcap":             true,
	"kholia+my-pcaps/new-captures__10-0.0-1413487592.pcap":              true,
	"networklessons+labs/multicast-pim-sparse-register-and-stop.pcapng": true,
	"seladb+PcapPlusPlus/ipv6_options.pcap":                             true,
	"the-tcpdump-group+tcpdump/PIM_register_register-stop.pcap":         true,
	"zeek+zeek/icmp6-paramprob.pcap":                                    true,
	"zeek+zeek/icmp6-redirect-hdr-opt.pcap":                             true,
	"zeek+zeek/icmp6-timeexceeded.pcap":                                 true,
	"zeek+zeek/icmp6-toobig.pcap":                                       true,
	"zeek+zeek/ipv6-hbh-routing0.pcap":                                  true,
	"zeek+zeek/vxlan-encapsulated-igmp-v2.pcap":                         true,
}

// Captures by others go through all round trips, and the checksums that we
// find right are those that the manifest's judge (tshark) found right.
func TestCorpus(t *testing.T) {
	frames := 0
	for _, f := range capturetest.Corpus(t) {
		if !f.Ethernet() {
			continue
		}
		found := map[string]int{}
		for rec, err := range f.Records(t) {
			if err != nil {
				t.Logf("%s: %v", f.Name, err)
				break
			}
			frames++
			if err := tripFrame(rec.Data); err != nil {
				t.Errorf("%s frame %d: %v", f.Name, rec.Number, err)
			}
			countChecksums(rec.Data, found)
		}
		if f.Row["checksums"] == "" {
			continue
		}
		want := counts(f.Row["checksums"])
		for _, k := range []string{"ip-ok", "ip-bad", "udp-ok", "udp-bad", "icmpv6-ok"} {
			if found[k] > want[k] || found[k] < want[k] && !nested[f.Name] {
				t.Errorf("%s: %s: %d, the manifest has %d", f.Name, k, found[k], want[k])
			}
		}
	}
	t.Logf("%d frames", frames)
}

func countChecksums(frame []byte, found map[string]int) {
	eth, packet, err := inet.ParseEthernet(frame)
	if err != nil {
		return
	}
	switch eth.Type {
	case inet.EtherTypeIPv4:
		h, payload, err := inet.ParseIPv4(packet)
		if errors.Is(err, inet.ErrTruncated) && h.Src.IsValid() {
			err = nil // cut by the capture, after a header that is right
		}
		count(found, "ip", err)
		if h.Src.IsValid() && !h.Fragment() && h.Proto == inet.ProtoUDP {
			u, _, err := inet.ParseUDP(payload, h.Src, h.Dst)
			if u.Checksum != 0 {
				count(found, "udp", err)
			}
		}
	case inet.EtherTypeIPv6:
		h, payload, err := inet.ParseIPv6(packet)
		if err != nil || h.Fragment.More || h.Fragment.Offset != 0 || h.Routing.SegmentsLeft != 0 {
			return // the last: the pseudo-header has another destination then
		}
		switch h.NextHeader {
		case inet.ProtoUDP:
			_, _, err := inet.ParseUDP(payload, h.Src, h.Dst)
			count(found, "udp", err)
		case inet.ProtoICMPv6:
			_, err := inet.ParseICMPv6(payload, h.Src, h.Dst)
			count(found, "icmpv6", err)
		}
	}
}

func count(found map[string]int, what string, err error) {
	switch {
	case err == nil:
		found[what+"-ok"]++
	case errors.Is(err, inet.ErrChecksum):
		found[what+"-bad"]++
	}
}
