package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

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

// defaultPort is a name's port where none is given.
const defaultPort = 5000

// goodbye is how long a session that ends waits for the other side's answer.
const goodbye = 3 * time.Second

// session is what the commands root and leaf share: a stack on one real
// interface, and what they print.
type session struct {
	node    string
	iface   string
	backend string
	addrs   []string
	gateway []string
	name    string
	data    string
	rate    uint32
	pcap    string
	json    bool
	limit   time.Duration

	out   io.Writer
	mu    sync.Mutex // guards out and pcapW
	pcapW *capture.Writer
	st    *stack.Stack
	mine  []netip.Prefix
}

// flags adds the flags that both commands have.
func (s *session) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.iface, "iface", "", "interface; with --backend tap the TAP device to make (needed)")
	f.StringVar(&s.backend, "backend", "raw", "raw (AF_PACKET) or tap")
	f.StringSliceVar(&s.addrs, "addr", nil, "our own `ADDRESS/LENGTH`, not one of the kernel's (needed; one a family)")
	f.StringSliceVar(&s.gateway, "gateway", nil, "default router's `ADDRESS` (one a family)")
	f.StringVar(&s.pcap, "pcap", "", "write the capture to `FILE`; - is standard output")
	f.BoolVar(&s.json, "json", false, "print JSON lines")
	f.DurationVar(&s.limit, "for", 0, "end after this time; 0 is never")
	_ = cmd.MarkFlagRequired("iface")
	_ = cmd.MarkFlagRequired("addr")
}

// say prints one event: a line for a reader, or a JSON line with the fields.
func (s *session) say(event, text string, fields map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !s.json {
		fmt.Fprintf(s.out, "%s  %s\n", now.Format("15:04:05.000"), text)
		return
	}
	line := map[string]any{"v": 1, "event": event, "time": now.UTC().Format(time.RFC3339Nano)}
	for k, v := range fields {
		line[k] = v
	}
	writeJSON(s.out, line)
}

// open brings the stack up on the interface. The returned function takes
// everything down.
func (s *session) open(cmd *cobra.Command) (func(), error) {
	s.out = cmd.OutOrStdout()
	if s.pcap == "-" {
		s.out = cmd.ErrOrStderr()
	}
	for _, a := range s.addrs {
		p, err := netip.ParsePrefix(a)
		if err != nil {
			return nil, usage("--addr %s: give ADDRESS/LENGTH, such as 10.0.0.1/24", a)
		}
		s.mine = append(s.mine, p)
	}
	l, err := s.openLink()
	if err != nil {
		return nil, err
	}
	w, closePcap, err := openPcap(s.pcap, cmd.OutOrStdout())
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if w != nil {
		if s.pcapW, err = capture.NewWriter(w); err != nil {
			return nil, errors.Join(usage("--pcap: %v", err), l.Close())
		}
		l = tee.NewReader(l, s.record)
	}
	if err := s.start(l); err != nil {
		return nil, errors.Join(usage("%v", err), l.Close())
	}
	return func() {
		_ = s.st.Close()
		_ = closePcap()
	}, nil
}

// openLink opens the interface, or makes the TAP device.
func (s *session) openLink() (link.Reader, error) {
	var host *netns.NS // the process's own namespace
	port := s.node + "/" + s.iface
	var (
		l   link.Reader
		err error
	)
	switch s.backend {
	case "raw":
		l, err = raw.Open(host, s.iface, raw.Options{Port: port})
	case "tap":
		l, err = s.openTAP(host, port)
	default:
		return nil, usage("--backend %s: there are raw and tap", s.backend)
	}
	if err == nil {
		return l, nil
	}
	if err = netns.Explain(err); errors.Is(err, netns.ErrUnavailable) || errors.Is(err, os.ErrPermission) {
		return nil, missing("%v", err)
	}
	return nil, usage("--iface %s: %v", s.iface, err)
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
	var err error
	if s.st, err = stack.New(stack.Config{Name: s.node, Driver: stack.NewRealTime(), Seed: seedOfDay()}); err != nil {
		return err
	}
	if _, err := s.st.AddPort(l, s.mine...); err != nil {
		return err
	}
	for _, g := range s.gateway {
		via, err := netip.ParseAddr(g)
		if err != nil {
			return fmt.Errorf("--gateway %s: give an address", g)
		}
		all := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if via.Is6() {
			all = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		if err := s.st.AddRoute(all, via); err != nil {
			return fmt.Errorf("--gateway %s: %w", g, err)
		}
	}
	return nil
}

// seedOfDay draws the seed of what is random but no secret.
func seedOfDay() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

// record writes a frame to the capture.
func (s *session) record(f wire.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.pcapW.WriteFrame(f) // a reader that went away ends the capture, not the session
}

// protocol returns the entry for the family of a name.
func protocol(a netip.Addr) stack.Protocol {
	if a.Is6() {
		return stack.MPJIPv6
	}
	return stack.MPJIPv4
}

// parseName reads ADDRESS or ADDRESS:PORT or [ADDRESS]:PORT.
func parseName(name string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return netip.AddrPortFrom(a, defaultPort), nil
	}
	ap, err := netip.ParseAddrPort(name)
	if err != nil {
		return netip.AddrPort{}, usage("--name %s: give ADDRESS or ADDRESS:PORT, with IPv6 [ADDRESS]:PORT", name)
	}
	return ap, nil
}

// context returns the command's context, with the limit of --for.
func (s *session) context(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	if s.limit > 0 {
		return context.WithTimeout(cmd.Context(), s.limit)
	}
	return context.WithCancel(cmd.Context())
}

// flowspec returns a controlled-load flowspec for the rate.
func (s *session) flowspec() winsock.FlowSpec {
	f := winsock.DefaultFlowSpec
	f.ServiceType = winsock.SERVICETYPE_CONTROLLEDLOAD
	f.TokenRate, f.TokenBucketSize = s.rate, 2*datagramSize
	f.MaxSduSize, f.MinimumPolicedSize = datagramSize+headroom, headroom
	return f
}
