package scenario

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/stack/link/fault"
	"github.com/mpstack/mpstack/wire"
)

// watch is what a run knows of its frames.
type watch struct {
	tree   dissect.Tree
	faults []*fault.Injector // by link; nil: none
	rules  [][]int           // by link: the scenario's faults, in the injector's order
}

// makeFaults makes an injector for each link that has faults.
func (r *runner) makeFaults() error {
	t := &r.watch
	t.faults = make([]*fault.Injector, len(r.sc.Links))
	t.rules = make([][]int, len(r.sc.Links))
	rules := make([][]fault.Rule, len(r.sc.Links))
	for i, f := range r.sc.Faults {
		rule, err := fault.ParseRule(f.Drop, max(f.Nth, 1))
		if err != nil {
			return err
		}
		l := r.sc.linkIndex(f.Link)
		rules[l], t.rules[l] = append(rules[l], rule), append(t.rules[l], i)
	}
	for l := range rules {
		if len(rules[l]) > 0 {
			t.faults[l] = fault.New(rules[l]...)
		}
	}
	return nil
}

// faultsLeft tells for each of the scenario's faults whether it dropped nothing.
func (t *watch) faultsLeft() []bool {
	n := 0
	for _, rules := range t.rules {
		n += len(rules)
	}
	left := make([]bool, n)
	for l, in := range t.faults {
		if in == nil {
			continue
		}
		for i, c := range in.Counts() {
			left[t.rules[l][i]] = c.Dropped == 0
		}
	}
	return left
}

// saw takes a frame: each once, at its sender's port. Its bytes are valid
// during the call.
func (r *runner) saw(f wire.Frame) {
	r.locked(func() {
		r.res.Frames = append(r.res.Frames, f.Clone())
		if r.opt.Frame != nil {
			r.opt.Frame(f)
		}
		r.watch.tree.Dissect(capture.LinkTypeEthernet, f.Data)
		r.tellFrame(f)
	})
}

// tellFrame makes the timeline entries of a frame: what was lost, and RSVP but
// for its refreshes.
func (r *runner) tellFrame(f wire.Frame) {
	t := &r.watch.tree
	node, port, _ := strings.Cut(f.Port, "/")
	if f.Fate != "" {
		r.entry(Entry{At: f.At, Kind: EntryWire, Node: node, Text: fmt.Sprintf("%s: %s (%s)", port, t.Summary(), f.Fate), Bad: true})
	}
	if l := t.Layer(dissect.LayerMPJ); l != nil {
		r.noteSession(t)
	}
	l := t.Layer(dissect.LayerRSVP)
	if l == nil || f.Fate != "" || t.Err != nil {
		return
	}
	text := fmt.Sprintf("%s on %s for %s%s", strings.ToUpper(l.Type), port, addrPort(t, "rsvp.SESSION.dest_address", "rsvp.SESSION.dst_port"), aboutRSVP(t, l.Type))
	if key := f.Port + " " + text; !r.told[key] || !refreshes(l.Type) {
		r.told[key] = true
		r.entry(Entry{At: f.At, Kind: EntryWire, Node: node, Text: text})
	}
}

// refreshes reports whether messages of the type are repeated by soft state.
func refreshes(typ string) bool { return typ == "Path" || typ == "Resv" }

// aboutRSVP says from whom, and how much.
func aboutRSVP(t *dissect.Tree, typ string) string {
	switch typ {
	case "Path":
		return " from " + senderOf(t, "rsvp.SENDER_TEMPLATE") + rateOf(t, "rsvp.SENDER_TSPEC")
	case "PathTear":
		return " from " + senderOf(t, "rsvp.SENDER_TEMPLATE")
	case "Resv", "ResvTear", "ResvConf":
		return filterOf(t) + rateOf(t, "rsvp.FLOWSPEC")
	case "PathErr", "ResvErr":
		if f := t.Field("rsvp.ERROR_SPEC.error_code"); f != nil {
			return ": " + f.Text
		}
	}
	return ""
}

func filterOf(t *dissect.Tree) string {
	if t.Field("rsvp.FILTER_SPEC.src_address") == nil {
		return " for any sender"
	}
	return " for sender " + senderOf(t, "rsvp.FILTER_SPEC")
}

func senderOf(t *dissect.Tree, object string) string {
	return addrPort(t, object+".src_address", object+".src_port").String()
}

func rateOf(t *dissect.Tree, object string) string {
	rate, depth := t.Field(object+".token_bucket_rate"), t.Field(object+".token_bucket_size")
	if rate == nil || depth == nil {
		return ""
	}
	return fmt.Sprintf(", %v B/s in bursts of %v B", rate.Value, depth.Value)
}

// addrPort returns the address and port in two fields.
func addrPort(t *dissect.Tree, addr, port string) netip.AddrPort {
	a, p := t.Field(addr), t.Field(port)
	if a == nil || p == nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Value.Addr(), uint16(p.Value.Uint()))
}

// noteSession remembers the session that a join message names.
func (r *runner) noteSession(t *dissect.Tree) {
	ss := session{
		root:  addrPort(t, "mpj.ROOT_DATA.addr", "mpj.ROOT_DATA.port"),
		group: addrPort(t, "mpj.SESSION.group", "mpj.SESSION.port"),
	}
	if !ss.root.IsValid() || !ss.group.IsValid() {
		return
	}
	for _, have := range r.sessions {
		if have == ss {
			return
		}
	}
	r.sessions = append(r.sessions, ss)
}
