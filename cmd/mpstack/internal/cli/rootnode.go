package cli

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/winsock"
)

// Sizes of the data that root sends: a sequence number and zeros; headroom is
// for the IP and UDP headers of either family.
const (
	datagramSize = 500
	headroom     = 48
)

func newRootNode() *cobra.Command {
	s := &session{node: "root"}
	cmd := &cobra.Command{
		Use:   "root",
		Short: "Open a session on a real interface and admit leaves",
		Long: `root opens a rooted session on a real interface, admits every leaf that asks,
and, with --rate, states that rate as its flowspec and sends numbered datagrams
at it while there are leaves. It has an address of its own beside the kernel's.
Ctrl-C ends the session for every leaf.`,
		Example: "  mpstack root --iface eth0 --addr 10.0.0.1/24 --data welcome --rate 20000",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return s.root(cmd) },
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&s.name, "name", "", "`ADDRESS[:PORT]` to listen at (the first --addr, port 5000)")
	cmd.Flags().StringVar(&s.data, "data", "", "callee data for every leaf")
	cmd.Flags().Uint32Var(&s.rate, "rate", 0, "`BYTES` a second to send and to state as flowspec; 0 sends nothing")
	return cmd
}

func (s *session) root(cmd *cobra.Command) error {
	if s.name == "" && len(s.addrs) > 0 {
		if p, err := netip.ParsePrefix(s.addrs[0]); err == nil {
			s.name = p.Addr().String()
		}
	}
	name, err := parseName(s.name)
	if err != nil {
		return err
	}
	closeAll, err := s.open(cmd)
	if err != nil {
		return err
	}
	defer closeAll()
	sock, err := s.listen(name)
	if err != nil {
		return usage("%v", err)
	}
	ctx, cancel := s.context(cmd)
	defer cancel()
	r := &rootNode{session: s, sock: sock}
	go r.admit()
	r.send(ctx)
	s.say("closing", "ending the session", nil)
	_ = sock.Close()
	s.st.Linger(goodbye)
	s.say("end", fmt.Sprintf("%d datagrams were sent", r.sent), map[string]any{"sent": r.sent})
	return nil
}

func (s *session) listen(name netip.AddrPort) (*stack.Socket, error) {
	sock, err := s.st.Socket(protocol(name.Addr()), winsock.WSA_FLAG_MULTIPOINT_C_ROOT|winsock.WSA_FLAG_MULTIPOINT_D_ROOT)
	if err != nil {
		return nil, err
	}
	if err := sock.Bind(name); err != nil {
		return nil, err
	}
	if s.rate > 0 {
		q := winsock.DefaultQOS
		q.Sending = s.flowspec()
		if err := sock.SetQOS(q); err != nil {
			return nil, err
		}
	}
	if err := sock.Listen(64); err != nil {
		return nil, err
	}
	s.say("listening", "listening at "+name.String(), map[string]any{"name": name.String()})
	return sock, nil
}

// rootNode is the running root.
type rootNode struct {
	*session
	sock *stack.Socket
	sent uint64
}

// admit takes every leaf until the socket is closed.
func (r *rootNode) admit() {
	for {
		var data string
		leaf, err := r.sock.Accept(func(q *stack.Request) int {
			data = string(q.CallerData)
			q.CalleeData = []byte(r.data)
			return winsock.CF_ACCEPT
		})
		switch {
		case err == nil:
			go r.watch(leaf, data)
		case errors.Is(err, winsock.WSAEINTR), errors.Is(err, winsock.WSAENOTSOCK), errors.Is(err, winsock.WSAENETDOWN):
			return
		default:
			r.say("refused", "a join failed: "+err.Error(), map[string]any{"error": err.Error()})
		}
	}
}

// watch reports a leaf's coming and going.
func (r *rootNode) watch(leaf *stack.Socket, data string) {
	peer, _ := leaf.PeerAddr()
	r.say("joined", fmt.Sprintf("leaf %v joined with %q", peer, data), map[string]any{"leaf": peer.String(), "caller": data})
	code, over := leaf.Wait(0)
	if !over {
		return
	}
	how := "left"
	if code != 0 {
		how = "was lost: " + code.Name()
	}
	r.say("left", fmt.Sprintf("leaf %v %s", peer, how), map[string]any{"leaf": peer.String(), "code": uint32(code)})
	_ = leaf.Close()
}

// send sends at the rate until ctx is done, and shows QoS indications.
func (r *rootNode) send(ctx context.Context) {
	interval := time.Second
	if r.rate > 0 {
		interval = max(time.Duration(float64(time.Second)*datagramSize/float64(r.rate)), 100*time.Microsecond)
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	packet := make([]byte, datagramSize)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.showQOS(r.sock)
		if r.rate == 0 || r.sock.Leaves() == 0 {
			continue
		}
		binary.BigEndian.PutUint64(packet, r.sent)
		if _, err := r.sock.Send(packet); err == nil {
			r.sent++
		}
	}
}

// showQOS prints the QoS indications that wait.
func (s *session) showQOS(sock *stack.Socket) {
	for {
		i, err := sock.GetQOS()
		if err != nil {
			return
		}
		s.say("qos", i.Status.Error(), map[string]any{"status": i.Status.Name()})
	}
}
