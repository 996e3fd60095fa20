package capture

import (
	"strings"

	"github.com/mpstack/mpstack/capture/pcapng"
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire"
)

// LinkType says what a frame begins with: a LINKTYPE_ number of
// tcpdump.org/linktypes.html.
type LinkType uint16

// LinkTypeEthernet is the only link type that is written and dissected.
const LinkTypeEthernet LinkType = pcapng.LinkTypeEthernet

// Record is one frame of a capture. Its Port and Dir are what the capture says
// ("" and unknown in classic pcap); its Cause and Fate are taken from a comment
// that this project wrote.
type Record struct {
	wire.Frame
	Comment  string   // the frame's comment in the capture, empty where none
	LinkType LinkType // what Data begins with
	Number   int      // from 1, in the order of the file
	OrigLen  int      // length on the wire; more than len(Data) where the frame was cut
}

// Clone returns r with bytes of its own.
func (r Record) Clone() Record {
	r.Frame = r.Frame.Clone()
	return r
}

// Truncated reports whether the capture holds less than was on the wire.
func (r Record) Truncated() bool { return r.OrigLen > len(r.Data) }

// setComment stores the comment, and the cause and fate that it names when it
// is one that wire.Frame.Comment builds: "cause" or "cause; fate", where a
// cause is a path without spaces.
func (r *Record) setComment(c string) {
	r.Comment = c
	cause, fate, _ := strings.Cut(c, "; ")
	if strings.Contains(cause, "/") && !strings.ContainsAny(cause, " \t\n") {
		r.Cause, r.Fate = machine.Cause(cause), fate
	}
}
