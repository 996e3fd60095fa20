package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/winsock"
	wiremp "github.com/mpstack/mpstack/wire/mpj"
)

const (
	reportEvery = time.Second            // the pace of the data counts
	lookEvery   = 200 * time.Millisecond // the pace of everything else
)

func (p *program) newLeafNode() *cobra.Command {
	l := &leafNode{session: session{program: p, node: "leaf"}}
	cmd := &cobra.Command{
		Use:   "leaf",
		Short: "Join a session on a real interface and count its data",
		Long: `leaf joins the session of a root (mpstack root) on a real interface, shows the
callee data, and counts the datagrams that come, and those lost between them.
With --rate it asks for a reservation of that rate. It has an address of its own
beside the kernel's. Ctrl-C leaves the session.

An interface's own packets do not come back to it: the root is at the other end
of a cable, a veth, or a TAP device.

Exit status: 0 left, or ended by the root; 1 the join failed or the root was
lost; 2 what is asked cannot be; 3 a privilege is missing (root, or CAP_NET_RAW;
CAP_NET_ADMIN for TAP).

With --json each line begins {"v":1,"type":"…","time":"…". The types are:
  joining     name
  joined      name, callee (callee_hex where it is no text)
  data        received, lost, late, once a second while they change
  qos         status
  uncaptured  reason
  left        by (leaf or root), received, lost, late
  lost        code, error, received, lost, late`,
		Example: `  mpstack leaf --iface eth0 --addr 10.0.0.2/24 --name 10.0.0.1 --data hello
  mpstack leaf --iface eth0 --addr fd00::2/64 --name [fd00::1]:5000 --rate 20000
  mpstack leaf --iface eth0 --addr 10.1.0.2/24 --gateway 10.1.0.1 --name 10.0.0.1 --for 1m --json`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return l.run(cmd, l.check, l.work) },
	}
	l.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&l.name, "name", "", "the root's `ADDRESS[:PORT]`; port 5000 where none is given (needed)")
	f.StringVar(&l.data, "data", "", "caller `DATA` for the root")
	f.Uint32Var(&l.rate, "rate", 0, "`BYTES` a second to reserve; 0 reserves nothing")
	l.needed = append(l.needed, "name")
	for _, flag := range []string{"name", "data", "rate"} {
		complete(cmd, flag)
	}
	return cmd
}

// leafNode is a running leaf.
type leafNode struct {
	session
	name string
	root netip.AddrPort
}

// check reads the flags.
func (l *leafNode) check() error {
	if err := l.session.check(); err != nil {
		return err
	}
	var err error
	if l.root, err = parseName(l.name); err != nil {
		return err
	}
	a := l.root.Addr()
	switch {
	case l.root.Port() == 0:
		return usage("--name %s: give the port at which the root listens", l.name)
	case l.isOurs(a):
		return usage("--name %s: it is our own --addr: give the root's address", l.name)
	case !l.hasFamily(a):
		return usage("--name %s: no --addr is of its family", l.name)
	case !l.onLink(a) && !l.hasGateway(a):
		return usage("--name %s: it is in no network of --addr: give a --gateway", l.name)
	}
	return nil
}

// hasGateway reports whether there is a way to a beyond the link.
func (l *leafNode) hasGateway(a netip.Addr) bool {
	for _, via := range l.via {
		if via.Is6() == a.Is6() {
			return true
		}
	}
	return false
}

// work joins, receives until ctx is done or the session over, and leaves.
func (l *leafNode) work(ctx context.Context) error {
	sock, err := l.join(ctx)
	if err != nil {
		return err
	}
	c := l.receive(ctx, sock)
	code, over := sock.Wait(time.Nanosecond)
	_ = sock.Close()
	l.st.Linger(goodbye)
	by, text := "leaf", "left the session"
	if over {
		by, text = "root", "the root ended the session"
	}
	if code == 0 {
		l.say("left", fmt.Sprintf("%s: %v", text, c), append([]field{{"by", by}}, c.fields()...)...)
		return nil
	}
	if l.json {
		l.say("lost", "", append([]field{{"code", uint32(code)}, {"error", code.Name()}}, c.fields()...)...)
	}
	return finding("the root was lost: %v: %v", code, c)
}

// join joins the root; closing the socket when ctx ends cancels it.
func (l *leafNode) join(ctx context.Context) (*stack.Socket, error) {
	sock, err := l.st.Socket(protocol(l.root.Addr()), winsock.WSA_FLAG_MULTIPOINT_C_LEAF|winsock.WSA_FLAG_MULTIPOINT_D_LEAF)
	if err != nil {
		return nil, usage("%v", err)
	}
	l.say("joining", "joining "+l.root.String(), field{"name", l.root.String()})
	callee := stack.WSABuf{Len: wiremp.MaxUserData, Buf: make([]byte, wiremp.MaxUserData)}
	stop := context.AfterFunc(ctx, func() { _ = sock.Close() })
	_, err = sock.JoinLeaf(l.request(&callee))
	if !stop() {
		err = finding("not joined %s: %v has not answered", l.why(ctx), l.root)
		l.st.Linger(goodbye) // the join is taken back
		return nil, err
	}
	if err != nil {
		return nil, finding("%v%s", err, l.hint(err))
	}
	var data []byte
	text := "joined " + l.root.String()
	if callee.Len > 0 {
		data = callee.Buf[:callee.Len]
		text += fmt.Sprintf(", which says %q", data)
	}
	l.say("joined", text, append([]field{{"name", l.root.String()}}, datum("callee", data)...)...)
	return sock, nil
}

// request says how to join.
func (l *leafNode) request(callee *stack.WSABuf) stack.Join {
	j := stack.Join{Name: l.root, CalleeData: callee, Flags: winsock.JL_RECEIVER_ONLY}
	if l.data != "" {
		j.CallerData = []byte(l.data)
	}
	if l.rate > 0 {
		q := winsock.DefaultQOS
		q.Receiving = l.flowspec()
		q.ProviderSpecific, _ = winsock.ReserveInfo{ConfirmRequest: true}.AppendTo(nil)
		j.SQOS = &q
	}
	return j
}

// hint says what to do about a failed join: empty, or beginning with a colon.
func (l *leafNode) hint(err error) string {
	switch {
	case errors.Is(err, winsock.WSAECONNREFUSED):
		return fmt.Sprintf(": is %v the name that a root listens at?", l.root)
	case errors.Is(err, winsock.WSAETIMEDOUT):
		return fmt.Sprintf(": is a root listening at %v, and no firewall between?", l.root)
	case errors.Is(err, winsock.WSAENETUNREACH), errors.Is(err, winsock.WSAEHOSTUNREACH):
		return fmt.Sprintf(": is %v up, and the link of --iface %s the one that leads there?", l.root.Addr(), l.iface)
	}
	return ""
}

// receive counts datagrams until ctx is done or the session is over.
func (l *leafNode) receive(ctx context.Context, sock *stack.Socket) count {
	var c, shown count
	b := make([]byte, 1<<16)
	last := time.Now()
	for ctx.Err() == nil {
		n, _, err := sock.RecvFrom(b, lookEvery)
		if err != nil && !errors.Is(err, winsock.WSAETIMEDOUT) {
			break
		}
		if no, ok := number(b[:n]); ok && err == nil {
			c.add(no)
		}
		l.showQOS(sock)
		if now := time.Now(); now.Sub(last) >= reportEvery && c != shown {
			l.say("data", c.String(), c.fields()...)
			last, shown = now, c
		}
	}
	return c
}

// String says it for a reader.
func (c count) String() string {
	text := fmt.Sprintf("%d datagrams, %d lost", c.received, c.lost)
	if c.late > 0 {
		text += fmt.Sprintf(", %d late or twice", c.late)
	}
	return text
}

func (c count) fields() []field {
	return []field{{"received", c.received}, {"lost", c.lost}, {"late", c.late}}
}
