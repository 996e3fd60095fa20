package decoding

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
	"github.com/mpstack/mpstack/wire/mpj"
	"github.com/mpstack/mpstack/wire/object"
)

// differences says why a message may encode to other bytes than it came in.
var differences = map[string]string{
	"UDP: no checksum":             "a checksum of 0 is none (RFC 768); we always send one",
	"ICMPv6: reserved bits":        "ignored on receipt and sent as zero (RFC 4861 sections 4.1 to 4.5)",
	"IGMP: reserved fields":        "ignored on receipt and sent as zero (RFC 2236 section 2.2, RFC 3376 sections 4.1.5 and 4.2.2)",
	"IGMP: additional data":        "what follows a message in its packet is under its checksum, ignored, and never sent (RFC 3376 section 4.2.11)",
	"MLD: reserved fields":         "ignored on receipt and sent as zero (RFC 2710 section 3, RFC 3810 sections 5.1 and 5.2)",
	"MLD: additional data":         "as in IGMP (RFC 3810 section 5.2.11)",
	"IPv4: the other form of zero": "a checksum that computes to 0x0000 may be sent as 0xffff, which is as right; we send what computes",
}

// excerpt counts something and remembers where it was first.
type excerpt struct {
	n     int
	where string
}

// layerCount is what became of one protocol's messages.
type layerCount struct {
	name          string
	read          int // all
	decoded, same int
	differ        map[string]*excerpt
	refused       map[string]*excerpt
}

// walk takes the frames of the corpus through the codecs.
type walk struct {
	t      testing.TB
	layers []*layerCount
	where  string // file and frame
	cut    bool   // the capture holds less than was on the wire

	files, frames, other int
	quotes, quotedRSVP   int
}

func (w *walk) layer(name string) *layerCount {
	for _, l := range w.layers {
		if l.name == name {
			return l
		}
	}
	l := &layerCount{name: name, differ: make(map[string]*excerpt), refused: make(map[string]*excerpt)}
	w.layers = append(w.layers, l)
	return l
}

func (w *walk) note(m map[string]*excerpt, what string) {
	if m[what] == nil {
		m[what] = &excerpt{where: w.where}
	}
	m[what].n++
}

// refuse counts an error, by its field and its reason.
func (w *walk) refuse(l *layerCount, err error) {
	what := "cut by the capture"
	if !w.cut || !errors.Is(err, object.ErrTruncated) {
		de, ok := errors.AsType[*object.DecodeError](err)
		if !ok {
			w.t.Errorf("%s: %v", w.where, err)
			return
		}
		what = de.Layer + ": " + de.Field + ": " + root(de.Err)
	}
	w.note(l.refused, what)
}

// root returns the innermost reason of an error.
func root(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}

// norm is a way in which bytes that came may differ from those we send: it makes
// them what we would send, and reports whether it had to.
type norm struct {
	name string
	f    func(b []byte) []byte
}

// message counts one message: b is what came, or err why it was not decoded, and
// encode what it encodes to. sum sets the checksum of what norms have changed.
func (w *walk) message(name string, b []byte, err error, encode func([]byte) ([]byte, error), sum func([]byte), norms ...norm) bool {
	l := w.layer(name)
	l.read++
	if err != nil {
		w.refuse(l, err)
		return false
	}
	l.decoded++
	out, err := encode(nil)
	if err != nil {
		w.t.Errorf("%s: %s is decoded but not encoded: %v", w.where, name, err)
		return true
	}
	if bytes.Equal(out, b) {
		l.same++
		return true
	}
	want := bytes.Clone(b)
	for _, n := range norms {
		before := bytes.Clone(want)
		if want = n.f(want); !bytes.Equal(want, before) {
			w.note(l.differ, name+": "+n.name)
		}
	}
	if sum != nil {
		sum(want)
	}
	if !bytes.Equal(out, want) {
		w.t.Errorf("%s: %s\n came % x\nwent % x", w.where, name, b, out)
	}
	return true
}

func (w *walk) frame(rec capture.Record) {
	const linuxSLL, rawIPv6 = 113, 229 // tcpdump.org/linktypes.html
	b := rec.Data
	switch rec.LinkType {
	case capture.LinkTypeEthernet:
		h, rest, err := inet.ParseEthernet(b)
		head := b[:max(0, len(b)-len(rest))]
		if w.message("Ethernet", head, err, func(b []byte) ([]byte, error) { return h.AppendTo(b), nil }, nil) {
			w.ether(h.Type, rest)
		}
	case linuxSLL:
		if len(b) >= 16 {
			w.ether(inet.EtherType(binary.BigEndian.Uint16(b[14:])), b[16:])
		}
	case rawIPv6:
		w.ipv6(b)
	default:
		w.other++
	}
}

func (w *walk) ether(typ inet.EtherType, b []byte) {
	const mpls = 0x8847
	switch typ {
	case inet.EtherTypeARP:
		a, err := inet.ParseARP(b)
		w.message("ARP", b[:min(len(b), inet.ARPLen)], err, a.AppendTo, nil)
	case inet.EtherTypeIPv4:
		w.ipv4(b)
	case inet.EtherTypeIPv6:
		w.ipv6(b)
	case mpls:
		for len(b) >= 4 {
			bottom := b[2]&1 != 0
			if b = b[4:]; bottom {
				w.ip(b)
				return
			}
		}
	}
}

// ip takes a packet of either version.
func (w *walk) ip(b []byte) {
	switch {
	case len(b) > 0 && b[0]>>4 == 4:
		w.ipv4(b)
	case len(b) > 0 && b[0]>>4 == 6:
		w.ipv6(b)
	}
}

func (w *walk) ipv4(b []byte) {
	h, payload, err := inet.ParseIPv4(b)
	if w.cut && errors.Is(err, object.ErrTruncated) && h.Src.IsValid() {
		err = nil // the header is whole and right
	}
	head := b
	if err == nil {
		head = b[:h.WireLen()]
	}
	zero := norm{"the other form of zero", func(b []byte) []byte {
		if b[10] == 0xff && b[11] == 0xff {
			b[10], b[11] = 0, 0
		}
		return b
	}}
	ok := w.message("IPv4", head, err, func(b []byte) ([]byte, error) { return h.AppendTo(b, h.TotalLen-h.WireLen()) }, nil, zero)
	if !ok || h.Fragment() {
		return
	}
	w.upper(h.Proto, payload, h.Src, h.Dst)
}

func (w *walk) ipv6(b []byte) {
	h, payload, err := inet.ParseIPv6(b)
	if w.cut && errors.Is(err, object.ErrTruncated) && h.Src.IsValid() {
		err = nil
	}
	head := b
	if err == nil {
		head = b[:h.WireLen()]
	}
	ok := w.message("IPv6", head, err, func(b []byte) ([]byte, error) { return h.AppendTo(b, h.PayloadLen-h.WireLen()+inet.HeaderLenIPv6) }, nil)
	if !ok || h.Fragment.More || h.Fragment.Offset != 0 {
		return
	}
	w.upper(h.NextHeader, payload, h.Src, h.Dst)
}

// upper takes what a whole packet carries, also inside of another.
func (w *walk) upper(proto uint8, b []byte, src, dst netip.Addr) {
	const ipip, sixInFour, gre = 4, 41, 47
	switch proto {
	case inet.ProtoUDP:
		w.udp(b, src, dst)
	case inet.ProtoICMP:
		m, err := inet.ParseICMPv4(b)
		if w.message("ICMPv4", b, err, func(b []byte) ([]byte, error) { return m.AppendV4(b), nil }, nil) && m.IsErrorV4() {
			w.quote(m.Body)
		}
	case inet.ProtoICMPv6:
		w.icmpv6(b, src, dst)
	case inet.ProtoIGMP:
		w.igmp(b)
	case inet.ProtoRSVP:
		w.rsvp(b)
	case ipip, sixInFour:
		w.ip(b)
	case gre:
		if len(b) >= 4 && b[0]&0xb0 == 0 {
			w.ether(inet.EtherType(binary.BigEndian.Uint16(b[2:])), b[4:])
		}
	case inet.ProtoPIM:
		if len(b) > 8 && b[0] == 0x21 { // Register: the packet of a sender
			w.ip(b[8:])
		}
	}
}

func (w *walk) udp(b []byte, src, dst netip.Addr) {
	u, payload, err := inet.ParseUDP(b, src, dst)
	end := len(b)
	if err == nil {
		end = u.Length
	}
	none := norm{"no checksum", func(b []byte) []byte {
		if b[6] == 0 && b[7] == 0 {
			b, _ = u.AppendTo(nil, src, dst, payload)
		}
		return b
	}}
	ok := w.message("UDP", b[:end], err, func(b []byte) ([]byte, error) { return u.AppendTo(b, src, dst, payload) }, nil, none)
	const vxlan, vxlanHead = 4789, 8
	switch {
	case !ok:
	case u.DstPort == vxlan && len(payload) > vxlanHead:
		w.frame(capture.Record{LinkType: capture.LinkTypeEthernet, Frame: frame(payload[vxlanHead:])})
	case u.DstPort == mpj.Port:
		m, err := mpj.Parse(payload)
		w.message("MPJ", payload, err, m.AppendTo, nil)
	}
}

func (w *walk) icmpv6(b []byte, src, dst netip.Addr) {
	m, err := inet.ParseICMPv6(b, src, dst)
	sum := func(b []byte) { inet.PutICMPv6Checksum(b, src, dst) }
	if err == nil {
		switch m.Type {
		case inet.ICMPv6MLDQuery, inet.ICMPv6MLDv1Report, inet.ICMPv6MLDv1Done, inet.ICMPv6MLDv2Report:
			mld, err := igmp.ParseMLD(b, src, dst)
			w.message("MLD", b, err, func(b []byte) ([]byte, error) { return mld.AppendMLD(b, src, dst) }, sum, reservedMLD, moreOf(len(mld.Additional)))
			return
		}
	}
	encode := func(b []byte) ([]byte, error) { return m.AppendV6(b, src, dst) }
	if err == nil && m.Type >= inet.ICMPv6RouterSolicitation && m.Type <= inet.ICMPv6Redirect {
		var typed func(b []byte) ([]byte, error)
		typed, err = ndpEncoder(m, src, dst)
		if typed != nil {
			encode = typed
		}
	}
	if w.message("ICMPv6", b, err, encode, sum, reservedNDP) && m.IsErrorV6() {
		w.quote(m.Body)
	}
}

// ndpEncoder decodes a message of neighbor discovery and returns its encoder.
func ndpEncoder(m inet.ICMP, src, dst netip.Addr) (func(b []byte) ([]byte, error), error) {
	type message interface {
		AppendTo(b []byte, src, dst netip.Addr) ([]byte, error)
	}
	var v message
	var err error
	switch m.Type {
	case inet.ICMPv6RouterSolicitation:
		v, err = inet.ParseRouterSolicitation(m)
	case inet.ICMPv6RouterAdvertisement:
		v, err = inet.ParseRouterAdvertisement(m)
	case inet.ICMPv6NeighborSolicitation:
		v, err = inet.ParseNeighborSolicitation(m)
	case inet.ICMPv6NeighborAdvertisement:
		v, err = inet.ParseNeighborAdvertisement(m)
	case inet.ICMPv6Redirect:
		v, err = inet.ParseRedirect(m)
	}
	return func(b []byte) ([]byte, error) { return v.AppendTo(b, src, dst) }, err
}

var reservedNDP = norm{"reserved bits", func(b []byte) []byte {
	switch b[0] {
	case inet.ICMPv6NeighborAdvertisement:
		b[4] &= 0xe0
		clear(b[5:8])
	case inet.ICMPv6RouterSolicitation, inet.ICMPv6NeighborSolicitation, inet.ICMPv6Redirect:
		clear(b[4:8])
	}
	return b
}}

var reservedMLD = norm{"reserved fields", func(b []byte) []byte {
	b[1] = 0
	switch b[0] {
	case igmp.TypeMLDv2Report:
		clear(b[4:6])
	case igmp.TypeMLDQuery:
		clear(b[6:8])
		if len(b) > 24 {
			b[24] &= 0x0f
		}
	default:
		clear(b[4:8])
	}
	return b
}}

var reservedIGMP = norm{"reserved fields", func(b []byte) []byte {
	switch b[0] {
	case igmp.TypeV1Report, igmp.TypeV2Report, igmp.TypeV2Leave:
		b[1] = 0
	case igmp.TypeV3Report:
		b[1], b[4], b[5] = 0, 0, 0
	case igmp.TypeQuery:
		if len(b) > 8 {
			b[8] &= 0x0f
		}
	}
	return b
}}

// moreOf cuts n bytes of additional data.
func moreOf(n int) norm {
	return norm{"additional data", func(b []byte) []byte { return b[:len(b)-n] }}
}

func (w *walk) igmp(b []byte) {
	m, err := igmp.ParseIGMP(b)
	w.message("IGMP", b, err, m.AppendIGMP, func(b []byte) { sum(b, 2, 0) }, reservedIGMP, moreOf(len(m.Additional)))
}

// rsvp takes messages in the order in which their objects came: that is the order
// to which an encoder of a fixed order can be compared.
func (w *walk) rsvp(b []byte) {
	var m rsvp.Message
	err := m.Decode(b)
	if errors.Is(err, rsvp.ErrUnknownClass) || errors.Is(err, rsvp.ErrUnknownCType) {
		w.refuse(w.layer("RSVP"), err) // but m holds all of it
		err = nil
	}
	w.message("RSVP", b, err, m.AppendAsReceived, nil)
}

// quote counts what an ICMP error quotes; nothing of it is taken for a packet.
func (w *walk) quote(b []byte) {
	q, err := inet.ParseQuote(b)
	if err != nil {
		return
	}
	w.quotes++
	if q.Proto == inet.ProtoRSVP {
		w.quotedRSVP++
	}
}

// walkCorpus reads every file; each frame is dissected too.
func walkCorpus(t testing.TB, files []capturetest.CorpusFile) *walk {
	t.Helper()
	w := &walk{t: t}
	for _, name := range []string{"Ethernet", "ARP", "IPv4", "IPv6", "UDP", "ICMPv4", "ICMPv6", "IGMP", "MLD", "RSVP"} {
		w.layer(name)
	}
	var tree dissect.Tree
	for _, f := range files {
		w.files++
		for rec, err := range f.Records(t) {
			if err != nil {
				w.refuse(w.layer("Ethernet"), err)
				break
			}
			w.frames++
			w.where = fmt.Sprintf("%s frame %d", f.Name, rec.Number)
			w.cut = rec.Truncated()
			w.frame(rec)
			tree.Dissect(rec.LinkType, rec.Data)
		}
	}
	return w
}

// TestCorpus: every file by others is read without a crash; every well-formed
// message in it encodes to the bytes that it came in, but for the differences
// that docs/decoding.md lists.
func TestCorpus(t *testing.T) {
	files := capturetest.Corpus(t)
	if files == nil {
		return
	}
	w := walkCorpus(t, files)
	for _, l := range w.layers {
		for what := range l.differ {
			if differences[what] == "" {
				t.Errorf("%s (%s) is not explained", what, l.differ[what].where)
			}
		}
		if l.read == 0 {
			t.Errorf("no %s in the corpus", l.name)
		}
	}
	if w.quotedRSVP < 65 {
		t.Errorf("%d RSVP messages quoted in ICMP errors, the manifest has 65", w.quotedRSVP)
	}
	checkDoc(t, "corpus", w.table())
}

// TestEveryFile: whatever lies in the corpus, captures or not, is read or
// refused.
func TestEveryFile(t *testing.T) {
	if capturetest.Corpus(t) == nil {
		return
	}
	files := 0
	err := filepath.WalkDir(os.Getenv(capturetest.CorpusEnv), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		_, _ = open(b)
		for i := range decoders {
			_, _ = decoders[i].decode(b)
		}
		return nil
	})
	if err != nil || files < 100 {
		t.Errorf("%d files, %v", files, err)
	}
}

// table returns the part of docs/decoding.md about the corpus.
func (w *walk) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d files, %d frames. ICMP errors quote %d packets, %d of them RSVP; none of those is taken for a message.\n\n",
		w.files, w.frames, w.quotes, w.quotedRSVP)
	b.WriteString("| protocol | messages | well-formed | the same bytes again | others |\n|---|---|---|---|---|\n")
	for _, l := range w.layers {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d |\n", l.name, l.read, l.decoded, l.same, l.decoded-l.same)
	}
	b.WriteString("\n| difference | messages | first in | why |\n|---|---|---|---|\n")
	for _, what := range slices.Sorted(maps.Keys(differences)) {
		e := &excerpt{where: "-"}
		for _, l := range w.layers {
			if l.differ[what] != nil {
				e = l.differ[what]
			}
		}
		fmt.Fprintf(&b, "| %s | %d | %s | %s |\n", what, e.n, e.where, differences[what])
	}
	b.WriteString("\n| refused | messages | first in |\n|---|---|---|\n")
	for _, l := range w.layers {
		for _, what := range slices.Sorted(maps.Keys(l.refused)) {
			e := l.refused[what]
			fmt.Fprintf(&b, "| %s, %s | %d | %s |\n", l.name, what, e.n, e.where)
		}
	}
	return b.String()
}

// TestGoldens: what we send is well-formed, and encodes to itself.
func TestGoldens(t *testing.T) {
	w := &walk{t: t}
	for _, path := range capturetest.Goldens(t) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for rec, err := range capture.Open(bytes.NewReader(b)) {
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			w.where = fmt.Sprintf("%s frame %d", filepath.Base(path), rec.Number)
			w.frame(rec)
		}
	}
	for _, name := range []string{"Ethernet", "ARP", "IPv4", "IPv6", "UDP", "ICMPv6", "IGMP", "MLD", "RSVP", "MPJ"} {
		l := w.layer(name)
		t.Logf("%s: %d", name, l.read)
		if l.read == 0 || l.same != l.read {
			t.Errorf("%s: %d of %d encode to the same bytes: %v, %v", name, l.same, l.read, l.differ, l.refused)
		}
	}
}
