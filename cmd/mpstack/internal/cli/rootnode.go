package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/winsock"
)

// backlog is how many joins may wait at a root.
const backlog = 64

func (p *program) newRootNode() *cobra.Command {
	r := &rootNode{session: session{program: p, node: "root"}}
	cmd := &cobra.Command{
		Use:   "root",
		Short: "Open a session on a real interface and admit leaves",
		Long: `root opens a rooted session on a real interface, admits every leaf that asks,
and, with --rate, states that rate as its flowspec and sends numbered datagrams
at it while there are leaves. It has addresses of its own beside the kernel's.
With addresses of two families it opens a session in each. Ctrl-C ends the
session for every leaf.

An interface's own packets do not come back to it: the leaf is at the other end
of a cable, a veth, or the TAP device that --backend tap makes. Such a device
vanishes with this process.

Exit status: 0 ended as asked; 2 what is asked cannot be; 3 a privilege is
missing (root, or CAP_NET_RAW; CAP_NET_ADMIN for TAP).

With --json each line begins {"v":1,"type":"…","time":"…". The types are:
  listening   name
  joined      leaf, name, caller (caller_hex where it is no text), rate (asked
              to be reserved)
  left        leaf, name, code (0: by itself), error
  refused     name, error
  qos         name, status
  uncaptured  reason
  end         name, sent, unsent`,
		Example: `  mpstack root --iface eth0 --addr 10.0.0.1/24 --data welcome --rate 20000
  mpstack root --backend tap --iface mps0 --addr 10.0.0.1/24 --addr fd00::1/64
  mpstack root --iface eth0 --addr 10.0.0.1/24 --pcap - | wireshark -k -i -`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return r.run(cmd, r.check, r.work) },
	}
	r.flags(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&r.names, "name", nil, "`ADDRESS[:PORT]` to listen at (every --addr, port 5000; may be given again)")
	f.StringVar(&r.data, "data", "", "callee `DATA` for every leaf")
	f.Uint32Var(&r.rate, "rate", 0, "`BYTES` a second to send and to state as flowspec; 0 sends nothing")
	for _, flag := range []string{"name", "data", "rate"} {
		complete(cmd, flag)
	}
	return cmd
}

// rootNode is a running root.
type rootNode struct {
	session
	names  []string
	listen []netip.AddrPort
}

// check reads the flags.
func (r *rootNode) check() error {
	if err := r.session.check(); err != nil {
		return err
	}
	for _, text := range r.names {
		name, err := parseName(text)
		if err != nil {
			return err
		}
		if !r.isOurs(name.Addr()) {
			return usage("--name %s: it is none of --addr", text)
		}
		r.listen = append(r.listen, name)
	}
	if len(r.names) == 0 {
		for _, a := range r.mine {
			r.listen = append(r.listen, netip.AddrPortFrom(a.Addr(), defaultPort))
		}
	}
	return nil
}

// work opens a session at every name and keeps it until ctx is done.
func (r *rootNode) work(ctx context.Context) error {
	var all []*hall
	for _, name := range r.listen {
		h := &hall{rootNode: r}
		if err := h.open(name); err != nil {
			return usage("cannot listen at %v: %v", name, err)
		}
		all = append(all, h)
	}
	var senders, doors sync.WaitGroup
	for _, h := range all {
		doors.Go(h.admit)
		senders.Go(func() { h.send(ctx) })
	}
	senders.Wait()
	for _, h := range all {
		_ = h.sock.Close()
	}
	r.st.Linger(goodbye)
	for _, h := range all {
		h.end()
	}
	_ = r.st.Close()
	doors.Wait()
	return nil
}

// hall is one session of a root.
type hall struct {
	*rootNode
	sock   *stack.Socket
	name   string
	sent   uint64
	unsent uint64
	leaves sync.WaitGroup
}

func (h *hall) open(name netip.AddrPort) error {
	sock, err := h.st.Socket(protocol(name.Addr()), winsock.WSA_FLAG_MULTIPOINT_C_ROOT|winsock.WSA_FLAG_MULTIPOINT_D_ROOT)
	if err != nil {
		return err
	}
	if err := sock.Bind(name); err != nil {
		return err
	}
	if h.rate > 0 {
		q := winsock.DefaultQOS
		q.Sending = h.flowspec()
		if err := sock.SetQOS(q); err != nil {
			return fmt.Errorf("--rate %d: %w", h.rate, err)
		}
	}
	if err := sock.Listen(backlog); err != nil {
		return err
	}
	if bound, err := sock.LocalAddr(); err == nil {
		name = bound // the port may have been chosen
	}
	h.sock, h.name = sock, name.String()
	h.say("listening", "listening at "+h.name, field{"name", h.name})
	return nil
}

// admit takes every leaf until the socket is closed.
func (h *hall) admit() {
	defer h.leaves.Wait()
	for {
		var asked guest
		leaf, err := h.sock.Accept(func(q *stack.Request) int {
			asked = newGuest(q)
			if h.data != "" {
				q.CalleeData = []byte(h.data)
			}
			return winsock.CF_ACCEPT
		})
		switch {
		case err == nil:
			h.leaves.Go(func() { h.watch(leaf, asked) })
		case errors.Is(err, winsock.WSAECONNABORTED), errors.Is(err, winsock.WSAEACCES): // this one alone
			h.say("refused", "a join failed: "+err.Error(), field{"name", h.name}, field{"error", err.Error()})
		default:
			return // the socket is closed
		}
	}
}

// guest is what a leaf said when it asked.
type guest struct {
	caller []byte // nil: no caller data
	rate   uint32 // to be reserved; 0: nothing
}

func newGuest(q *stack.Request) guest {
	var g guest
	if q.CallerData != nil {
		g.caller = append([]byte{}, q.CallerData...) // it is valid during the call
	}
	if q.SQOS == nil {
		return g
	}
	f := q.SQOS.Receiving
	if s := f.ServiceType; s == winsock.SERVICETYPE_CONTROLLEDLOAD || s == winsock.SERVICETYPE_GUARANTEED {
		g.rate = f.TokenRate
	}
	return g
}

// String says it for a reader: empty, or beginning with a space.
func (g guest) String() string {
	text := ""
	if g.caller != nil {
		text = fmt.Sprintf(" with %q", g.caller)
	}
	if g.rate > 0 {
		text += fmt.Sprintf(", to reserve %d bytes/s", g.rate)
	}
	return text
}

func (g guest) fields() []field {
	return append(datum("caller", g.caller), field{"rate", g.rate})
}

// watch reports a leaf's coming and going.
func (h *hall) watch(leaf *stack.Socket, g guest) {
	peer, _ := leaf.PeerAddr()
	who := []field{{"leaf", peer.String()}, {"name", h.name}}
	h.say("joined", fmt.Sprintf("leaf %v joined%v", peer, g), append(who, g.fields()...)...)
	code, over := leaf.Wait(0)
	if !over { // the stack is closed
		return
	}
	how, reason := "left", ""
	if code != 0 {
		reason = code.Name()
		how = "was lost: " + reason
	}
	h.say("left", fmt.Sprintf("leaf %v %s", peer, how), append(who, field{"code", uint32(code)}, field{"error", reason})...)
	_ = leaf.Close()
}

// end says what came of the session.
func (h *hall) end() {
	text := fmt.Sprintf("%s is closed; %d datagrams were sent", h.name, h.sent)
	if h.unsent > 0 {
		text += fmt.Sprintf(", %d could not be", h.unsent)
	}
	h.say("end", text, field{"name", h.name}, field{"sent", h.sent}, field{"unsent", h.unsent})
}

// send sends at the rate until ctx is done, and shows QoS indications.
func (h *hall) send(ctx context.Context) {
	p := newPace(h.rate, time.Now())
	tick := time.NewTicker(p.interval())
	defer tick.Stop()
	packet := make([]byte, datagramSize)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		h.showQOS(h.sock, field{"name", h.name})
		for range p.due(time.Now(), h.sock.Leaves() > 0) {
			putNumber(packet, h.sent)
			if _, err := h.sock.Send(packet); err == nil {
				h.sent++
			} else {
				h.unsent++
			}
		}
	}
}
