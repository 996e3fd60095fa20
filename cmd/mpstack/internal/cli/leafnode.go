package cli

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/winsock"
)

// reportEvery is the pace of the leaf's data counts.
const reportEvery = time.Second

func newLeafNode() *cobra.Command {
	s := &session{node: "leaf"}
	cmd := &cobra.Command{
		Use:   "leaf",
		Short: "Join a session on a real interface and count its data",
		Long: `leaf joins the session of a root (mpstack root) on a real interface, shows the
callee data, and counts the datagrams that come, and those lost between them.
With --rate it asks for a reservation of that rate. It has an address of its own
beside the kernel's. Ctrl-C leaves the session.

Exit status 1 where the join fails or the root is lost.`,
		Example: "  mpstack leaf --iface eth0 --addr 10.0.0.2/24 --name 10.0.0.1 --data hello",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return s.leaf(cmd) },
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&s.name, "name", "", "the root's `ADDRESS[:PORT]`; port 5000 where none is given (needed)")
	cmd.Flags().StringVar(&s.data, "data", "", "caller data for the root")
	cmd.Flags().Uint32Var(&s.rate, "rate", 0, "`BYTES` a second to reserve; 0 reserves nothing")
	_ = cmd.MarkFlagRequired("name")
	return cmd
}

func (s *session) leaf(cmd *cobra.Command) error {
	closeAll, err := s.open(cmd)
	if err != nil {
		return err
	}
	defer closeAll()
	ctx, cancel := s.context(cmd)
	defer cancel()
	sock, err := s.join(ctx)
	if err != nil {
		return err
	}
	c := s.receive(ctx, sock)
	s.count(c)
	code, over := sock.Wait(time.Millisecond)
	_ = sock.Close()
	s.st.Linger(goodbye)
	if over && code != 0 {
		return finding("the root was lost: %v", code)
	}
	if over {
		s.say("closed", "the root ended the session", nil)
	} else {
		s.say("left", "left the session", nil)
	}
	return nil
}

// join joins the root; closing the socket when ctx ends cancels it.
func (s *session) join(ctx context.Context) (*stack.Socket, error) {
	name, err := parseName(s.name)
	if err != nil {
		return nil, err
	}
	sock, err := s.st.Socket(protocol(name.Addr()), winsock.WSA_FLAG_MULTIPOINT_C_LEAF|winsock.WSA_FLAG_MULTIPOINT_D_LEAF)
	if err != nil {
		return nil, usage("%v", err)
	}
	callee := stack.WSABuf{Len: 896, Buf: make([]byte, 896)}
	j := stack.Join{Name: name, CalleeData: &callee, Flags: winsock.JL_RECEIVER_ONLY}
	if s.data != "" {
		j.CallerData = []byte(s.data)
	}
	if s.rate > 0 {
		q := winsock.DefaultQOS
		q.Receiving = s.flowspec()
		q.ProviderSpecific, _ = winsock.ReserveInfo{ConfirmRequest: true}.AppendTo(nil)
		j.SQOS = &q
	}
	s.say("joining", "joining "+name.String(), map[string]any{"name": name.String()})
	stop := context.AfterFunc(ctx, func() { _ = sock.Close() })
	_, err = sock.JoinLeaf(j)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	switch {
	case err == nil:
	case errors.Is(err, winsock.WSAENETUNREACH):
		return nil, finding("%v: is %v on the link of --addr, or is a --gateway missing?", err, name.Addr())
	case errors.Is(err, winsock.WSAETIMEDOUT):
		return nil, finding("%v: is a root listening at %v?", err, name)
	default:
		return nil, finding("%v", err)
	}
	data := string(callee.Buf[:callee.Len])
	s.say("joined", fmt.Sprintf("joined %v, which says %q", name, data), map[string]any{"name": name.String(), "callee": data})
	return sock, nil
}

// count is what a leaf has received.
type count struct{ received, lost, next uint64 }

// add notes the datagram with the sequence number n.
func (c *count) add(n uint64) {
	if c.received > 0 && n > c.next {
		c.lost += n - c.next
	}
	c.received++
	c.next = max(c.next, n+1)
}

// receive counts datagrams until ctx is done or the session is over.
func (s *session) receive(ctx context.Context, sock *stack.Socket) count {
	var c, shown count
	b := make([]byte, 65536)
	last := time.Now()
	for ctx.Err() == nil {
		n, _, err := sock.RecvFrom(b, 200*time.Millisecond)
		switch {
		case err == nil && n >= 8:
			c.add(binary.BigEndian.Uint64(b))
		case err != nil && !errors.Is(err, winsock.WSAETIMEDOUT):
			return c
		}
		s.showQOS(sock)
		if now := time.Now(); now.Sub(last) >= reportEvery && c != shown {
			s.count(c)
			last, shown = now, c
		}
	}
	return c
}

func (s *session) count(c count) {
	s.say("data", fmt.Sprintf("%d datagrams, %d lost", c.received, c.lost), map[string]any{"received": c.received, "lost": c.lost})
}
