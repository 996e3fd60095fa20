package mpj

import (
	"net/netip"
	"testing"
	"testing/iotest"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/winsock"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

func TestListenRefusals(t *testing.T) {
	w := newWorld(t)
	n := w.add("n", "192.0.2.1", func(c *Config) { c.MaxListeners = 2 })
	name := func(s string) Listener { return Listener{Name: netip.MustParseAddrPort(s)} }
	for _, c := range []struct {
		l    Listener
		want winsock.Errno
	}{
		{Listener{}, winsock.WSAEADDRNOTAVAIL},
		{name("192.0.2.1:0"), winsock.WSAEADDRNOTAVAIL},
		{name("232.0.0.1:5000"), winsock.WSAEADDRNOTAVAIL},
		{name("[fe80::1]:5000"), winsock.WSAEADDRNOTAVAIL},
		{Listener{Name: n.at(1), Planes: 4}, winsock.WSAEINVAL},
		{Listener{Name: n.at(1), DataRoot: true}, winsock.WSAEINVAL},
		{Listener{Name: n.at(1), Session: n.session()}, winsock.WSAEINVAL},
		{name("192.0.2.1:5000"), 0},
		{name("192.0.2.1:5000"), winsock.WSAEADDRINUSE},
		{name("[::ffff:192.0.2.1]:5000"), winsock.WSAEADDRINUSE},
		{name("0.0.0.0:5000"), 0},
		{name("0.0.0.0:5001"), winsock.WSAENOBUFS},
	} {
		id, err := n.e.Listen(w.now, c.l)
		if c.want == 0 && (err != nil || id == 0) || c.want != 0 && (!isErrno(err, c.want) || id != 0) {
			t.Errorf("%+v: %d, %v; want %v", c.l, id, err, c.want)
		}
	}
	n.e.CloseListener(w.now, 1)
	if _, err := n.e.Listen(w.now, name("192.0.2.1:5000")); err != nil {
		t.Errorf("after closing: %v", err)
	}
}

func TestJoinRefusals(t *testing.T) {
	w := newWorld(t)
	n := w.add("n", "192.0.2.1", func(c *Config) { c.MaxAssociations = 2 })
	good := Join{Local: n.at(1), Target: netip.MustParseAddrPort("192.0.2.9:5000"), Role: leafRole}
	addr := netip.MustParseAddrPort
	for name, c := range map[string]struct {
		change func(j *Join)
		want   winsock.Errno
	}{
		"no target":        {func(j *Join) { j.Target = netip.AddrPort{} }, winsock.WSAEADDRNOTAVAIL},
		"any target":       {func(j *Join) { j.Target = addr("0.0.0.0:1") }, winsock.WSAEADDRNOTAVAIL},
		"target port":      {func(j *Join) { j.Target = addr("192.0.2.9:0") }, winsock.WSAEADDRNOTAVAIL},
		"target multicast": {func(j *Join) { j.Target = addr("232.0.0.1:1") }, winsock.WSAEADDRNOTAVAIL},
		"no local":         {func(j *Join) { j.Local = netip.AddrPort{} }, winsock.WSAEADDRNOTAVAIL},
		"any local":        {func(j *Join) { j.Local = addr("0.0.0.0:1") }, winsock.WSAEADDRNOTAVAIL},
		"local port":       {func(j *Join) { j.Local = n.at(0) }, winsock.WSAEADDRNOTAVAIL},
		"family":           {func(j *Join) { j.Target = addr("[2001:db8::1]:1") }, winsock.WSAEAFNOSUPPORT},
		"zone":             {func(j *Join) { j.Local, j.Target = addr("[fe80::1]:1"), addr("[fe80::2%eth0]:1") }, winsock.WSAEADDRNOTAVAIL},
		"role":             {func(j *Join) { j.Role.JL = 3 }, winsock.WSAEINVAL},
		"leaf's session":   {func(j *Join) { j.Session = n.session() }, winsock.WSAEINVAL},
		"no session":       {func(j *Join) { j.Role = rootRole }, winsock.WSAEINVAL},
		"bad session":      {func(j *Join) { j.Role, j.Session = rootRole, &Session{} }, winsock.WSAEINVAL},
		"caller data":      {func(j *Join) { j.CallerData = make([]byte, 897) }, winsock.WSAEFAULT},
	} {
		j := good
		c.change(&j)
		if id, err := n.e.Join(w.now, j); !isErrno(err, c.want) || id != 0 {
			t.Errorf("%s: %d, %v; want %v", name, id, err, c.want)
		}
	}
	if _, ok := n.e.Next(); ok || !n.e.Quiet() {
		t.Error("a refused call left something")
	}
	if _, err := n.e.Join(w.now, good); err != nil {
		t.Error(err)
	}
	if _, err := n.e.Join(w.now, good); !isErrno(err, winsock.WSAEALREADY) {
		t.Errorf("twice: %v", err)
	}
	good.Local = n.at(2)
	if _, err := n.e.Join(w.now, good); err != nil {
		t.Error(err)
	}
	good.Local = n.at(3)
	if _, err := n.e.Join(w.now, good); !isErrno(err, winsock.WSAENOBUFS) {
		t.Errorf("too many: %v", err)
	}
	w.run(time.Minute)
	n.expect("refused WSAETIMEDOUT", "refused WSAETIMEDOUT")
	w.settle()
}

func TestNoEntropy(t *testing.T) {
	w := newWorld(t)
	join := Join{Local: netip.MustParseAddrPort("192.0.2.1:1"), Target: netip.MustParseAddrPort("192.0.2.2:5000"), Role: leafRole}
	for name, cfg := range map[string]Config{
		"none":    {},
		"failing": {Rand: machine.Rand(1, "n", "x"), Entropy: iotest.ErrReader(iotest.ErrTimeout)},
		"zeros":   {Rand: machine.Rand(1, "n", "x"), Entropy: zeros{}},
	} {
		e := New(cfg)
		if _, err := e.Join(w.now, join); !isErrno(err, winsock.WSASYSNOTREADY) {
			t.Errorf("%s: %v", name, err)
		}
		// A request that comes in is dropped, and so is the refusal of one.
		if _, err := e.Listen(w.now, Listener{Name: join.Target, ControlRoot: true, DataRoot: true, Planes: rooted}); err != nil {
			t.Fatal(err)
		}
		e.HandleDatagram(w.now, hostile(nil))
		e.HandleDatagram(w.now, hostile(func(m *wire.Message) { m.Target = join.Local }))
		if got := e.Counters().Dropped[DropEntropy]; got != 2 || e.out.Len() != 0 {
			t.Errorf("%s: %d drops, %d outputs", name, got, e.out.Len())
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestAnswerRefusals(t *testing.T) {
	w, root, leaf := pairOf(t)
	lid, err := root.e.Listen(w.now, Listener{Name: root.at(5000), ControlRoot: true, DataRoot: true, Planes: rooted})
	if err != nil {
		t.Fatal(err)
	}
	id := leaf.joinAsLeaf(root, func(j *Join) { j.CalleeRoom = 896 })
	w.run(20 * time.Millisecond)
	req := root.last(EventRequest).Assoc
	bad := root.session()
	bad.Group = root.at(1)
	for name, c := range map[string]struct {
		err  error
		want winsock.Errno
	}{
		"accept unknown":     {root.e.Accept(w.now, 99, Answer{}), winsock.WSAEACCES},
		"accept too long":    {root.e.Accept(w.now, req, Answer{CalleeData: make([]byte, 897)}), winsock.WSAEFAULT},
		"accept no session":  {root.e.Accept(w.now, req, Answer{}), winsock.WSAEINVAL},
		"accept bad session": {root.e.Accept(w.now, req, Answer{Session: bad}), winsock.WSAEINVAL},
		"reject unknown":     {root.e.Reject(w.now, 99, 0, nil), winsock.WSAEACCES},
		"reject code":        {root.e.Reject(w.now, req, wire.Left, nil), winsock.WSAEINVAL},
		"reject code 31":     {root.e.Reject(w.now, req, 31, nil), winsock.WSAEINVAL},
		"reject too long":    {root.e.Reject(w.now, req, 0, make([]byte, 897)), winsock.WSAEFAULT},
		"defer unknown":      {root.e.Defer(w.now, 99), winsock.WSAEACCES},
		"leave unknown":      {root.e.Leave(w.now, 99, wire.Left), winsock.WSAENOTCONN},
		"leave code":         {root.e.Leave(w.now, req, wire.Refused), winsock.WSAEINVAL},
		"leave code 99":      {root.e.Leave(w.now, req, 99), winsock.WSAEINVAL},
		"accept own":         {leaf.e.Accept(w.now, id, Answer{}), winsock.WSAEACCES},
		"defer own":          {leaf.e.Defer(w.now, id), winsock.WSAEACCES},
		"reject own":         {leaf.e.Reject(w.now, id, 0, nil), winsock.WSAEACCES},
	} {
		if !isErrno(c.err, c.want) {
			t.Errorf("%s: %v, want %v", name, c.err, c.want)
		}
	}
	if err := root.e.Defer(w.now, req); err != nil {
		t.Error(err)
	}
	if err := root.e.Accept(w.now, req, Answer{Session: root.session()}); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"accept": root.e.Accept(w.now, req, Answer{}), "reject": root.e.Reject(w.now, req, 0, nil), "defer": root.e.Defer(w.now, req),
	} {
		if !isErrno(err, winsock.WSAEACCES) {
			t.Errorf("%s after the decision: %v", name, err)
		}
	}
	w.run(time.Second)
	leaf.expect("joined")
	endBoth(w, leaf)
	root.e.CloseListener(w.now, lid)
	w.settle()
}

// TestCallsKeepNoMemory: what the caller passes may change after the call.
func TestCallsKeepNoMemory(t *testing.T) {
	w, root, leaf := pairOf(t)
	session := root.session()
	lid, err := root.e.Listen(w.now, Listener{Name: root.at(5000), ControlRoot: true, DataRoot: true, Planes: rooted, Session: session})
	if err != nil {
		t.Fatal(err)
	}
	session.TTL = 99
	data, qos := []byte("caller"), &winsock.QOS{Sending: winsock.FlowSpec{TokenRate: 1}}
	w.fate = lose(wire.TypeJoin, 1)
	leaf.joinAsLeaf(root, func(j *Join) { j.CallerData, j.HasCallerData, j.QOS = data, true, qos })
	clear(data)
	qos.Sending.TokenRate = 99
	w.run(time.Second)
	req := root.last(EventRequest)
	if string(req.CallerData) != "caller" || req.QOS.Sending.TokenRate != 1 {
		t.Errorf("request %+v", req)
	}
	answer := []byte("callee")
	w.fate = lose(wire.TypeAccept, 1)
	if err := root.e.Accept(w.now, req.Assoc, Answer{CalleeData: answer, HasCalleeData: true}); err != nil {
		t.Fatal(err)
	}
	clear(answer)
	w.run(3 * time.Second)
	if ev := leaf.last(EventJoined); string(ev.CalleeData) != "callee" || ev.Session.TTL != 32 {
		t.Errorf("joined %+v", ev)
	}
	endBoth(w, leaf)
	root.e.CloseListener(w.now, lid)
	w.settle()
}

func TestTimeDoesNotGoBack(t *testing.T) {
	w, root, leaf, _, _, done := joined(t)
	leaf.e.Advance(w.now.Add(-time.Hour))
	root.e.Advance(w.now.Add(-time.Hour))
	at, ok := leaf.e.Deadline()
	if !ok || at < w.now {
		t.Errorf("deadline %v, %v", at, ok)
	}
	leaf.e.Advance(at - 1)
	if _, ok := leaf.e.Next(); ok {
		t.Error("something came too early")
	}
	endBoth(w, leaf)
	done()
}
