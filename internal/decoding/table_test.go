// Package decoding holds the tests that all decoders have to pass alike: what
// any bytes may cost, what errors say, what a reused value may keep, that each
// has a fuzz target, and what becomes of captures by others. docs/decoding.md
// is made from its tables.
package decoding

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"testing"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/capture/pcapng"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
	"github.com/mpstack/mpstack/wire/mpj"
	"github.com/mpstack/mpstack/wire/object"
)

// The bound on memory: what a call allocates in all, for any input.
const (
	factor = 16      // bytes for each byte of input
	extra  = 4 << 10 // bytes besides
)

// decoder is one entry point by which bytes of others come in.
type decoder struct {
	name   string // package, and function or type and method
	reads  string // what the input is
	seeds  func(t testing.TB) [][]byte
	decode func(b []byte) (any, error)

	// mend corrects what a damaged input would be refused for at once: lengths
	// and checksums. nil where there is nothing of the kind.
	mend func(b []byte)
	// reuse returns a decoder that takes each input into the same value; nil
	// where decode returns a value of its own.
	reuse func() func(b []byte) (any, error)
	// factor and extra replace the bound's where they are not 0, and why says for
	// what reason.
	factor, extra int
	why           string
	// plain says that errors have no position: who calls it adds one.
	plain bool
	// fuzz names the fuzz target, where it is not called like the decoder.
	fuzz string
}

// Addresses for pseudo-headers.
var (
	src4, dst4 = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	src6, dst6 = netip.MustParseAddr("fe80::1"), netip.MustParseAddr("ff02::16")
)

// layer returns seeds that begin with a layer, without its first skip bytes:
// frames of every kind that capturetest builds, and what Seeds finds.
func layer(name string, skip int) func(t testing.TB) [][]byte {
	return func(t testing.TB) [][]byte {
		t.Helper()
		frames, err := capturetest.Samples()
		if err != nil {
			t.Fatal(err)
		}
		var all [][]byte
		for _, f := range frames {
			if l := dissect.Frame(f.Data).Layer(name); l != nil {
				all = append(all, f.Data[l.Offset:])
			}
		}
		all = append(all, capturetest.Seeds(t, name)...)
		for i, b := range all {
			all[i] = b[min(skip, len(b)):]
		}
		return all
	}
}

// vectors returns seeds given as bytes.
func vectors(all ...[]byte) func(testing.TB) [][]byte {
	return func(testing.TB) [][]byte { return all }
}

func both(a, b func(testing.TB) [][]byte) func(testing.TB) [][]byte {
	return func(t testing.TB) [][]byte { return append(a(t), b(t)...) }
}

// many returns n copies of part after head.
func many(head []byte, n int, part ...byte) []byte {
	return append(bytes.Clone(head), bytes.Repeat(part, n)...)
}

func sum(b []byte, at int, initial uint32) {
	if len(b) < at+2 {
		return
	}
	b[at], b[at+1] = 0, 0
	binary.BigEndian.PutUint16(b[at:], inet.Checksum(b, initial))
}

func mendIPv4(b []byte) {
	if n := min(int(b[0]&15)*4, len(b)); n >= 20 {
		b[0] = b[0]&15 | 0x40
		sum(b[:n], 10, 0)
	}
}

func mendUDP(b []byte) {
	if len(b) >= 8 {
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
		sum(b, 6, inet.PseudoHeaderSum(src4, dst4, inet.ProtoUDP, len(b)))
	}
}

func mendICMPv6(b []byte) {
	if len(b) >= 4 {
		inet.PutICMPv6Checksum(b, src6, dst6)
	}
}

func mendMPJ(b []byte) {
	if len(b) >= mpj.HeaderLen {
		b[0] = mpj.Version
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	}
}

func mendRSVP(b []byte) {
	if len(b) >= rsvp.HeaderLen {
		b[0], b[2], b[3] = 0x10|b[0]&15, 0, 0
		binary.BigEndian.PutUint16(b[6:], uint16(len(b)))
	}
}

// icmp returns the message that b is, without a look at its checksum.
func icmp(typ uint8, b []byte) (inet.ICMP, error) {
	if len(b) < inet.HeaderLenICMP {
		_, err := inet.ParseICMPv6(b, src6, dst6)
		return inet.ICMP{}, err
	}
	return inet.ICMP{Type: typ, Code: b[1], Rest: [4]byte(b[4:8]), Body: b[8:]}, nil
}

// value makes a decoder of one that returns a value alone.
func value[T any](f func(b []byte) (T, error)) func([]byte) (any, error) {
	return func(b []byte) (any, error) { return f(b) }
}

// withRest makes a decoder of one that returns what is left too.
func withRest[T any](f func(b []byte) (T, []byte, error)) func([]byte) (any, error) {
	return func(b []byte) (any, error) {
		v, rest, err := f(b)
		return pair{v, rest}, err
	}
}

type pair struct{ Value, Rest any }

func ndp[T any](typ uint8, f func(inet.ICMP) (T, error)) func([]byte) (any, error) {
	return func(b []byte) (any, error) {
		m, err := icmp(typ, b)
		if err != nil {
			return nil, err
		}
		return f(m)
	}
}

// option4 and optionNDP take b for one option.
func option4[T any](f func(inet.Option) (T, error)) func([]byte) (any, error) {
	return func(b []byte) (any, error) {
		o, _, err := inet.NextIPv4Option(b)
		if err != nil {
			return nil, err
		}
		return f(o)
	}
}

func optionNDP[T any](f func(inet.NDPOption) (T, error)) func([]byte) (any, error) {
	return func(b []byte) (any, error) {
		o, _, err := inet.NextNDPOption(b)
		if err != nil {
			return nil, err
		}
		return f(o)
	}
}

// records are what a reader of captures gives, and the error that ended it.
type record struct {
	Number, Len, OrigLen int
	Port, Comment        string
}

func open(b []byte) (any, error) {
	var all []record
	for rec, err := range capture.Open(bytes.NewReader(b)) {
		if err != nil {
			return all, err
		}
		if len(all) < 64 {
			all = append(all, record{rec.Number, len(rec.Data), rec.OrigLen, rec.Port, rec.Comment})
		}
	}
	return all, nil
}

func readPcapng(b []byte) (any, error) {
	r := pcapng.NewReader(bytes.NewReader(b))
	for n := 0; ; n++ {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
}

func dissectInto(t *dissect.Tree, b []byte) (any, error) {
	t.Dissect(capture.LinkTypeEthernet, b)
	if t.Err != nil {
		return t, t.Err
	}
	return t, nil
}

// ndpSeeds are ICMPv6 messages.
var ndpSeeds = both(layer(dissect.LayerICMPv6, 0), vectors(many(make([]byte, 40), 100, 14, 1, 0, 0, 0, 0, 0, 0)))

// objectSeeds are objects in the framing of MPJ and RSVP.
var objectSeeds = both(layer(dissect.LayerMPJ, mpj.HeaderLen), layer(dissect.LayerRSVP, rsvp.HeaderLen))

// mpjFlood is a message of nothing but objects that need not be understood.
var mpjFlood = func() []byte {
	b := many(make([]byte, mpj.HeaderLen), 300, 0, 4, 0x90, 1)
	copy(b, []byte{1, byte(mpj.TypeConfirm), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3})
	mendMPJ(b)
	return b
}()

var decoders = slices.Concat(rsvpObjects, []decoder{
	{name: "object.Parse", reads: "an object of MPJ or RSVP", seeds: objectSeeds, plain: true, decode: withRest(object.Parse)},

	{name: "inet.ParseEthernet", reads: "a frame", seeds: layer(dissect.LayerEthernet, 0), decode: withRest(inet.ParseEthernet)},
	{name: "inet.ParseARP", reads: "an ARP packet", seeds: layer(dissect.LayerARP, 0), decode: value(inet.ParseARP)},
	{name: "inet.ParseIPv4", reads: "an IPv4 packet", seeds: layer(dissect.LayerIPv4, 0), mend: mendIPv4, decode: withRest(inet.ParseIPv4)},
	{name: "inet.NextIPv4Option", reads: "IPv4 options", decode: withRest(inet.NextIPv4Option),
		seeds: both(layer(dissect.LayerIPv4, 20), vectors([]byte{0x94, 4, 0, 0, 1, 0x83, 7, 4, 10, 0, 0, 2, 0}))},
	{name: "inet.ParseIPv4Route", reads: "a Record Route or source route option", decode: option4(inet.ParseIPv4Route),
		seeds: vectors([]byte{0x83, 11, 8, 10, 0, 0, 1, 10, 0, 0, 2}, many([]byte{7, 39, 4}, 9, 0, 0, 0, 0))},
	{name: "inet.ParseIPv4Timestamp", reads: "a Timestamp option", decode: option4(inet.ParseIPv4Timestamp),
		seeds: vectors([]byte{0x44, 12, 9, 0x20, 1, 2, 3, 4, 0, 0, 0, 0}, many([]byte{0x44, 36, 5, 0xf3}, 8, 10, 0, 0, 2))},
	{name: "inet.ParseIPv6", reads: "an IPv6 packet with its extension headers", seeds: layer(dissect.LayerIPv6, 0), decode: withRest(inet.ParseIPv6)},
	{name: "inet.NextExtension", reads: "extension headers", seeds: layer(dissect.LayerIPv6, 40),
		decode: withRest(func(b []byte) (inet.ExtensionHeader, []byte, error) {
			return inet.NextExtension(inet.ProtoDestination, b)
		})},
	{name: "inet.NextIPv6Option", reads: "IPv6 options", seeds: layer(dissect.LayerIPv6, 42), decode: withRest(inet.NextIPv6Option)},
	{name: "inet.ParseUDP", reads: "a UDP datagram", seeds: layer(dissect.LayerUDP, 0), mend: mendUDP,
		decode: withRest(func(b []byte) (inet.UDP, []byte, error) { return inet.ParseUDP(b, src4, dst4) })},
	{name: "inet.ParseUDPHeader", reads: "a UDP header", seeds: layer(dissect.LayerUDP, 0), decode: withRest(inet.ParseUDPHeader)},
	{name: "inet.ParseICMPv4", reads: "an ICMP message", mend: func(b []byte) { sum(b, 2, 0) }, decode: value(inet.ParseICMPv4),
		seeds: both(layer(dissect.LayerICMP, 0), vectors(inet.NewEcho(inet.ICMPv4Echo, 1, 2, []byte("ping")).AppendV4(nil)))},
	{name: "inet.ParseICMPv6", reads: "an ICMPv6 message", seeds: ndpSeeds, mend: mendICMPv6,
		decode: value(func(b []byte) (inet.ICMP, error) { return inet.ParseICMPv6(b, src6, dst6) })},
	{name: "inet.ParseQuote", reads: "the packet that an ICMP error quotes", decode: value(inet.ParseQuote),
		seeds: both(layer(dissect.LayerIPv4, 0), layer(dissect.LayerIPv6, 0))},
	{name: "inet.ParseNeighborSolicitation", reads: "an ICMPv6 message", seeds: ndpSeeds, decode: ndp(inet.ICMPv6NeighborSolicitation, inet.ParseNeighborSolicitation)},
	{name: "inet.ParseNeighborAdvertisement", reads: "an ICMPv6 message", seeds: ndpSeeds, decode: ndp(inet.ICMPv6NeighborAdvertisement, inet.ParseNeighborAdvertisement)},
	{name: "inet.ParseRouterSolicitation", reads: "an ICMPv6 message", seeds: ndpSeeds, decode: ndp(inet.ICMPv6RouterSolicitation, inet.ParseRouterSolicitation)},
	{name: "inet.ParseRouterAdvertisement", reads: "an ICMPv6 message", seeds: ndpSeeds, decode: ndp(inet.ICMPv6RouterAdvertisement, inet.ParseRouterAdvertisement)},
	{name: "inet.ParseRedirect", reads: "an ICMPv6 message", seeds: ndpSeeds, decode: ndp(inet.ICMPv6Redirect, inet.ParseRedirect)},
	{name: "inet.NextNDPOption", reads: "options of neighbor discovery", seeds: layer(dissect.LayerICMPv6, 24), decode: withRest(inet.NextNDPOption)},
	{name: "inet.ParsePrefixInformation", reads: "a prefix option", decode: optionNDP(inet.ParsePrefixInformation),
		seeds: vectors(many([]byte{3, 4, 64, 0xc0}, 28, 1))},
	{name: "inet.ParseRecursiveDNS", reads: "a DNS server option", decode: optionNDP(inet.ParseRecursiveDNS),
		seeds: vectors(many([]byte{25, 5, 0, 0}, 36, 1))},

	{name: "igmp.ParseIGMP", reads: "an IGMP message", mend: func(b []byte) { sum(b, 2, 0) }, decode: value(igmp.ParseIGMP),
		seeds: both(layer(dissect.LayerIGMP, 0), vectors(igmpFloods...))},
	{name: "igmp.Message.DecodeIGMP", reads: "an IGMP message, into a used value", mend: func(b []byte) { sum(b, 2, 0) }, decode: value(igmp.ParseIGMP), fuzz: "FuzzParseIGMP",
		seeds: both(layer(dissect.LayerIGMP, 0), vectors(igmpFloods...)),
		reuse: func() func(b []byte) (any, error) {
			m := new(igmp.Message)
			return func(b []byte) (any, error) { err := m.DecodeIGMP(b); return *m, err }
		}},
	{name: "igmp.ParseMLD", reads: "an MLD message", seeds: layer(dissect.LayerMLD, 0), mend: mendICMPv6, decode: value(parseMLD)},
	{name: "igmp.Message.DecodeMLD", reads: "an MLD message, into a used value", seeds: layer(dissect.LayerMLD, 0), mend: mendICMPv6, decode: value(parseMLD), fuzz: "FuzzParseMLD",
		reuse: func() func(b []byte) (any, error) {
			m := new(igmp.Message)
			return func(b []byte) (any, error) { err := m.DecodeMLD(b, src6, dst6); return *m, err }
		}},

	{name: "mpj.ParseHeader", reads: "an MPJ message", seeds: layer(dissect.LayerMPJ, 0), mend: mendMPJ, decode: withRest(mpj.ParseHeader)},
	{name: "mpj.Parse", reads: "an MPJ message", mend: mendMPJ, decode: value(mpj.Parse),
		seeds: both(layer(dissect.LayerMPJ, 0), vectors(mpjFlood))},
	{name: "mpj.Message.Decode", reads: "an MPJ message, into a used value", mend: mendMPJ, decode: value(mpj.Parse), fuzz: "FuzzParse",
		seeds: both(layer(dissect.LayerMPJ, 0), vectors(mpjFlood)),
		reuse: func() func(b []byte) (any, error) {
			m := new(mpj.Message)
			return func(b []byte) (any, error) { err := m.Decode(b); return *m, err }
		}},

	{name: "rsvp.ParseHeader", reads: "an RSVP message", seeds: layer(dissect.LayerRSVP, 0), mend: mendRSVP, decode: withRest(rsvp.ParseHeader), fuzz: "FuzzDecode"},
	{name: "rsvp.Message.Decode", reads: "an RSVP message", mend: mendRSVP, decode: decodeRSVP,
		seeds: both(layer(dissect.LayerRSVP, 0), vectors(rsvpFloods...)),
		reuse: func() func(b []byte) (any, error) {
			m := new(rsvp.Message)
			return func(b []byte) (any, error) { err := m.Decode(b); return *m, err }
		}},

	{name: "pcapng.Reader.Next", reads: "a pcapng file", decode: readPcapng, fuzz: "FuzzReader",
		seeds: func(t testing.TB) [][]byte { return captures(t, true) }},
	{name: "capture.Open", reads: "a pcapng or pcap file", decode: open,
		seeds: func(t testing.TB) [][]byte { return captures(t, false) }},
	{name: "dissect.Tree.Dissect", reads: "a frame, into a tree", seeds: both(layer(dissect.LayerEthernet, 0), vectors(floods()...)), factor: treeFactor, extra: treeExtra, why: treeWhy,
		decode: func(b []byte) (any, error) { return dissectInto(new(dissect.Tree), b) },
		reuse: func() func(b []byte) (any, error) {
			tree := new(dissect.Tree)
			return func(b []byte) (any, error) { return dissectInto(tree, b) }
		}},
	{name: "dissect.Frame", reads: "a frame, into a new tree", seeds: both(layer(dissect.LayerEthernet, 0), vectors(floods()...)), fuzz: "FuzzDissect", factor: treeFactor, extra: treeExtra, why: treeWhy,
		decode: func(b []byte) (any, error) {
			t := dissect.Frame(b)
			if t.Err != nil {
				return t, t.Err
			}
			return t, nil
		}},
})

// A tree is no value of a protocol but what is shown of it: it has a name, a
// place, a value and a text for each of the fields, of which some have one byte.
const (
	treeFactor = 512
	treeExtra  = 12 << 10
	treeWhy    = "a tree describes every field of a frame, some of which have one byte; used again it allocates nothing more"
)

// floods are frames of very many small parts.
func floods() [][]byte {
	var f capturetest.Builder
	var all [][]byte
	n4, n6 := capturetest.Nets[0], capturetest.Nets[1]
	for _, b := range igmpFloods {
		all = append(all, f.IP(capturetest.Packet{Src: n4.Leaf, Dst: n4.Root}, inet.ProtoIGMP, b))
	}
	for _, b := range rsvpFloods {
		all = append(all, f.IP(capturetest.Packet{Src: n4.Leaf, Dst: n4.Root}, inet.ProtoRSVP, b))
	}
	// A Tspec of parameters without contents.
	params := many([]byte{0x10, 1, 0, 0, 64, 0, 5, 0xdc, 5, 0xd4, 12, 2, 0, 0, 1, 0x73, 1, 0, 1, 0x72}, 370, 99, 0, 0, 0)
	all = append(all, f.IP(capturetest.Packet{Src: n4.Leaf, Dst: n4.Root}, inet.ProtoRSVP, params))
	all = append(all, f.UDP(netip.AddrPortFrom(n4.Leaf, mpj.Port), netip.AddrPortFrom(n4.Root, mpj.Port), 64, mpjFlood))
	options := inet.RouterSolicitation{Options: many(nil, 170, 77, 1, 1, 2, 3, 4, 5, 6)}
	all = append(all, f.ICMPv6(n6.Leaf, n6.Root, 255, options.AppendTo))
	hops := inet.IPv6{Src: n6.Leaf, Dst: n6.Root, NextHeader: inet.ProtoNoNext, ExtensionType: inet.ProtoHopByHop,
		Extensions: many([]byte{inet.ProtoNoNext, 183}, 735, 0x3e, 0)}
	b, err := hops.AppendTo(inet.Ethernet{Type: inet.EtherTypeIPv6}.AppendTo(nil), 0)
	if err != nil || f.Err != nil {
		panic(fmt.Sprint(err, f.Err))
	}
	return append(all, b)
}

// igmpFloods are messages of very many small parts, or that claim to be.
var igmpFloods = [][]byte{
	mended(many([]byte{0x22, 0, 0, 0, 0, 0, 0, 180}, 180, 2, 0, 0, 0, 239, 1, 1, 1)),
	mended(many([]byte{0x11, 100, 0, 0, 232, 1, 2, 3, 2, 125, 1, 110}, 366, 10, 0, 0, 1)),
	mended([]byte{0x22, 0, 0, 0, 0, 0, 0xff, 0xff, 4, 0, 0xff, 0xff, 239, 1, 1, 1}),
	mended([]byte{0x11, 100, 0, 0, 232, 1, 2, 3, 2, 125, 0xff, 0xff, 10, 0, 0, 1}),
}

func mended(b []byte) []byte { sum(b, 2, 0); return b }

func parseMLD(b []byte) (igmp.Message, error) { return igmp.ParseMLD(b, src6, dst6) }

func decodeRSVP(b []byte) (any, error) {
	var m rsvp.Message
	err := m.Decode(b)
	return m, err
}

// captures returns small files: classic pcap in both orders besides pcapng's, and
// files whose lengths claim more than there is.
func captures(t testing.TB, pcapngOnly bool) [][]byte {
	t.Helper()
	all := capturetest.Files(t, 8<<10)
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		section := order.AppendUint32(order.AppendUint32(order.AppendUint32(nil, 0x0a0d0d0a), 28), 0x1a2b3c4d)
		section = order.AppendUint32(append(section, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 28)
		all = append(all, order.AppendUint32(order.AppendUint32(bytes.Clone(section), 6), 1<<20-4))
		if pcapngOnly {
			continue
		}
		file := order.AppendUint32(nil, 0xa1b2c3d4)
		file = order.AppendUint32(append(order.AppendUint16(order.AppendUint16(file, 2), 4), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 1)
		claim := order.AppendUint32(order.AppendUint32(append(bytes.Clone(file), 0, 0, 0, 0, 0, 0, 0, 0), 1<<18), 1<<18)
		frame := append(order.AppendUint32(order.AppendUint32(append(bytes.Clone(file), 0, 0, 0, 0, 0, 0, 0, 0), 4), 60), 1, 2, 3, 4)
		all = append(all, claim, frame)
	}
	return all
}
