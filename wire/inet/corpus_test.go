package inet_test

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
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/mpstack/mpstack/wire/inet"
)

// corpus returns the rows of the manifest of captures by others that
// MPSTACK_CORPUS names, by column; nil where it is not set, which in CI is a
// failure.
func corpus(t *testing.T, tests int) []map[string]string {
	dir := os.Getenv("MPSTACK_CORPUS")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("MPSTACK_CORPUS is not set: it must name the captures by others")
		}
		fmt.Printf("%s: MPSTACK_CORPUS is not set: %d test over captures by others not run\n", t.Name(), tests)
		return nil
	}
	text, err := os.ReadFile(filepath.Join(dir, "MANIFEST.tsv"))
	noError(t, err)
	var head []string
	var rows []map[string]string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if head == nil {
			head = cells
			continue
		}
		row := map[string]string{}
		for i, c := range cells {
			row[head[i]] = c
		}
		row["path"] = filepath.Join(dir, row["file"])
		rows = append(rows, row)
	}
	return rows
}

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

// eachFrame gives the frames of an Ethernet capture to f until one cannot be
// read.
func eachFrame(t *testing.T, path string, f func(n int, data []byte, cut bool)) {
	file, err := os.Open(path)
	noError(t, err)
	defer file.Close()
	in := bufio.NewReader(file)
	var src gopacket.PacketDataSource
	if r, err := pcapgo.NewReader(in); err == nil {
		src = r
	} else {
		_, err = file.Seek(0, io.SeekStart)
		noError(t, err)
		in.Reset(file)
		if src, err = pcapgo.NewNgReader(in, pcapgo.DefaultNgReaderOptions); err != nil {
			t.Logf("%s: gopacket does not read it: %v", path, err)
			return
		}
	}
	if l, ok := src.(interface{ LinkType() layers.LinkType }); ok && l.LinkType() != layers.LinkTypeEthernet {
		t.Fatalf("%s: link type %v", path, l.LinkType())
	}
	for n := 1; ; n++ {
		data, info, err := src.ReadPacketData()
		if err != nil {
			return
		}
		f(n, data, info.CaptureLength < info.Length)
	}
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
	for _, row := range corpus(t, 1) {
		if row["linktype"] != "EN10MB" {
			continue
		}
		found := map[string]int{}
		eachFrame(t, row["path"], func(n int, data []byte, cut bool) {
			frames++
			if err := tripFrame(data); err != nil {
				t.Errorf("%s frame %d: %v", row["file"], n, err)
			}
			countChecksums(data, found)
		})
		if row["checksums"] == "" {
			continue
		}
		want := counts(row["checksums"])
		for _, k := range []string{"ip-ok", "ip-bad", "udp-ok", "udp-bad", "icmpv6-ok"} {
			if found[k] > want[k] || found[k] < want[k] && !nested[row["file"]] {
				t.Errorf("%s: %s: %d, the manifest has %d", row["file"], k, found[k], want[k])
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
