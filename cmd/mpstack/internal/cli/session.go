package cli

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/raw"
	"github.com/mpstack/mpstack/stack/link/tap"
	"github.com/mpstack/mpstack/stack/link/tee"
	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// goodbye is how long a session that ends waits for the other side's answer.
const goodbye = 3 * time.Second

// Backends.
const (
	backendRaw = "raw"
	backendTAP = "tap"
)

// session is what the commands root and leaf share: a stack on one real
// interface, and what they print.
type session struct {
	*program
	node    string
	iface   string
	backend string
	addrs   []string
	gateway []string
	data    string
	rate    uint32
	pcap    string
	json    bool
	limit   time.Duration
	needed  []string // flags without which nothing can be done

	mine []netip.Prefix // --addr
	via  []netip.Addr   // --gateway
	stop context.CancelFunc
	st   *stack.Stack

	mu        sync.Mutex // guards what follows
	out       io.Writer
	capture   *capture.Writer // nil: none, or no more
	uncapture error           // why the capture is not whole
}

// flags adds the flags that both commands have.
func (s *session) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.iface, "iface", "", "`INTERFACE`; with --backend tap the TAP device to make (needed)")
	f.StringVar(&s.backend, "backend", backendRaw, "`WHAT` reaches the interface: raw (AF_PACKET) or tap")
	f.StringSliceVar(&s.addrs, "addr", nil, "our own `ADDRESS/LENGTH`, not one of the kernel's (needed; may be given again)")
	f.StringSliceVar(&s.gateway, "gateway", nil, "default router's `ADDRESS` (one a family)")
	f.StringVar(&s.pcap, "pcap", "", "write the capture to `FILE`; - is standard output, the rest then goes to standard error")
	f.BoolVar(&s.json, "json", false, "print JSON lines")
	f.DurationVar(&s.limit, "for", 0, "end after this `TIME`, such as 90s; 0 is never")
	s.needed = []string{"iface", "addr"}
	complete(cmd, "backend", backendRaw, backendTAP)
	complete(cmd, "iface", interfaceNames()...)
	for _, flag := range []string{"addr", "gateway", "for"} {
		complete(cmd, flag)
	}
}

// run runs a command: check reads the flags, the stack is brought up, work
// runs until its context ends, and everything is taken down.
func (s *session) run(cmd *cobra.Command, check func() error, work func(ctx context.Context) error) error {
	if err := s.given(cmd); err != nil {
		return err
	}
	if err := check(); err != nil {
		return err
	}
	// Who reads our output or the capture may go away: the session says
	// goodbye then, as at every other end.
	signal.Ignore(syscall.SIGPIPE)
	s.out = s.besides(s.pcap)
	ctx, stop := orderly(cmd)
	defer stop()
	ctx, s.stop = s.bound(ctx)
	defer s.stop()
	closeCapture, err := s.open()
	if err != nil {
		return err
	}
	err = work(ctx)
	_ = s.st.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if failed := errors.Join(s.uncapture, closeCapture()); failed != nil && err == nil && !isGone(failed) {
		return usage("--pcap: %v", failed)
	}
	return err
}

// given asks for the flags that are needed.
func (s *session) given(cmd *cobra.Command) error {
	var lack []string
	for _, flag := range s.needed {
		if !cmd.Flags().Changed(flag) {
			lack = append(lack, "--"+flag)
		}
	}
	if lack == nil {
		return nil
	}
	return usage("give %s: %s", strings.Join(lack, ", "), seeHelp(cmd))
}

// bound returns ctx with the limit of --for.
func (s *session) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.limit > 0 {
		return context.WithTimeout(ctx, s.limit)
	}
	return context.WithCancel(ctx)
}

// say prints one event: a line for a reader, or a JSON line with the fields.
func (s *session) say(event, text string, fields ...field) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sayLocked(event, text, fields...)
}

// sayLocked is say for a caller that holds mu.
func (s *session) sayLocked(event, text string, fields ...field) {
	now := time.Now()
	line := fmt.Appendf(nil, "%s  %s\n", now.Format("15:04:05.000"), text)
	if s.json {
		line = jsonLine(event, now, fields...)
	}
	if _, err := s.out.Write(line); err != nil {
		s.stop() // nobody hears us
	}
}

// open brings the stack up on the interface, with the capture, whose closing
// function it returns.
func (s *session) open() (func() error, error) {
	l, err := s.openLink()
	if err != nil {
		return nil, err
	}
	w, closeCapture, err := s.openPcap(s.pcap)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if w != nil {
		if s.capture, err = capture.NewWriter(w); err != nil {
			return nil, errors.Join(usage("--pcap: %v", err), l.Close())
		}
		l = tee.NewReader(l, s.record)
	}
	if err := s.start(l); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return closeCapture, nil
}

// record writes a frame to the capture. When that fails, the session goes on
// without it.
func (s *session) record(f wire.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.capture == nil {
		return
	}
	if s.uncapture = s.capture.WriteFrame(f); s.uncapture == nil {
		return
	}
	s.capture = nil
	why := "it cannot be written: " + s.uncapture.Error()
	if isGone(s.uncapture) {
		why = "its reader went away"
	}
	s.sayLocked("uncaptured", "the capture ends here, "+why, field{"reason", why})
}

// openLink opens the interface, or makes the TAP device.
func (s *session) openLink() (link.Reader, error) {
	var host *netns.NS // the process's own namespace
	open := s.openRaw
	if s.backend == backendTAP {
		open = s.openTAP
	}
	l, err := open(host, s.node+"/"+s.iface)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, os.ErrPermission), errors.Is(err, netns.ErrUnavailable):
		return nil, missing("--iface %s: %v", s.iface, err)
	}
	return nil, usage("--iface %s: %v", s.iface, err)
}

func (s *session) openRaw(host *netns.NS, port string) (link.Reader, error) {
	l, err := raw.Open(host, s.iface, raw.Options{Port: port, AnyOffloads: true})
	if err != nil {
		return nil, err
	}
	if err := host.CheckOffloads(s.iface); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (s *session) openTAP(host *netns.NS, port string) (link.Reader, error) {
	var mac inet.MAC
	_, _ = rand.Read(mac[:]) // never fails
	mac[0] = mac[0]&^1 | 2   // locally administered, an individual's
	l, err := tap.Open(host, s.iface, tap.Options{Port: port, MAC: mac})
	if err != nil {
		return nil, err
	}
	if err := host.Configure(netns.Interface{Name: s.iface, Kernel: true}); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// start makes the stack.
func (s *session) start(l link.Link) error {
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails
	var err error
	s.st, err = stack.New(stack.Config{Name: s.node, Driver: stack.NewRealTime(), Seed: binary.BigEndian.Uint64(seed[:])})
	if err != nil {
		return err
	}
	if _, err := s.st.AddPort(l, s.mine...); err != nil {
		return usage("--addr: %v", err)
	}
	for _, via := range s.via {
		all := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if via.Is6() {
			all = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		if err := s.st.AddRoute(all, via); err != nil {
			return usage("--gateway %v: %v", via, err)
		}
	}
	return nil
}

// protocol returns the entry for the family of a name.
func protocol(a netip.Addr) stack.Protocol {
	if a.Is6() {
		return stack.MPJIPv6
	}
	return stack.MPJIPv4
}

// flowspec returns a controlled-load flowspec for the rate.
func (s *session) flowspec() winsock.FlowSpec {
	f := winsock.DefaultFlowSpec
	f.ServiceType = winsock.SERVICETYPE_CONTROLLEDLOAD
	f.TokenRate, f.TokenBucketSize = s.rate, 2*datagramSize
	f.MaxSduSize, f.MinimumPolicedSize = datagramSize+headroom, headroom
	return f
}

// showQOS prints the QoS indications that wait.
func (s *session) showQOS(sock *stack.Socket, fields ...field) {
	for {
		i, err := sock.GetQOS()
		if err != nil {
			return
		}
		s.say("qos", i.Status.Error(), append(fields, field{"status", i.Status.Name()})...)
	}
}

// datum renders caller or callee data: a string, where it is one.
func datum(name string, b []byte) []field {
	switch {
	case b == nil:
		return nil
	case utf8.Valid(b):
		return []field{{name, string(b)}}
	}
	return []field{{name + "_hex", fmt.Sprintf("%x", b)}}
}
