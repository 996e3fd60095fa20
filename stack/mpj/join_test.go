package mpj

import (
	"reflect"
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack/winsock"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

var families = []struct{ name, root, leaf string }{
	{"IPv4", "192.0.2.1", "192.0.2.2"},
	{"IPv6", "2001:db8::1", "2001:db8::2"},
}

// pairOf makes a world of a root and a leaf.
func pairOf(t testing.TB) (w *world, root, leaf *node) {
	w = newWorld(t)
	return w, w.add("root", families[0].root), w.add("leaf", families[0].leaf)
}

func TestLeafJoins(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			w := newWorld(t)
			root, leaf := w.add("root", f.root), w.add("leaf", f.leaf)
			lid := root.listenRoot(5)
			asked := &winsock.QOS{Sending: winsock.NoTraffic, Receiving: winsock.FlowSpec{TokenRate: 8500, ServiceType: winsock.SERVICETYPE_GUARANTEED}}
			given := &winsock.QOS{Sending: winsock.NoTraffic, Receiving: winsock.FlowSpec{TokenRate: 8000, ServiceType: winsock.SERVICETYPE_GUARANTEED}}
			root.accepts(Answer{CalleeData: []byte("welcome"), HasCalleeData: true, QOS: given})
			id := leaf.joinAsLeaf(root, func(j *Join) {
				j.CallerData, j.HasCallerData, j.QOS = []byte("let me in"), true, asked
			})
			w.run(time.Second)

			w.expectLines("leaf>root JOIN", "root>leaf PENDING", "root>leaf ACCEPT", "leaf>root CONFIRM")
			root.expect("request", "established")
			leaf.expect("joined")
			req := root.last(EventRequest)
			want := Event{Kind: EventRequest, Assoc: req.Assoc, Listener: lid, Local: root.at(5000), Peer: leaf.at(40000), IfIndex: 1,
				Role: leafRole, CallerData: []byte("let me in"), HasCallerData: true, QOS: asked, CalleeRoom: 100,
				Expires: w.start.Add(testDelay + JoinLimit)}
			if !reflect.DeepEqual(req, want) {
				t.Errorf("request\n%+v\nwant\n%+v", req, want)
			}
			joined := leaf.last(EventJoined)
			want = Event{Kind: EventJoined, Assoc: id, Local: leaf.at(40000), Peer: root.at(5000), IfIndex: 1, Role: leafRole,
				CalleeData: []byte("welcome"), HasCalleeData: true, QOS: given, Session: root.session()}
			if !reflect.DeepEqual(joined, want) {
				t.Errorf("joined\n%+v\nwant\n%+v", joined, want)
			}

			leaf.leave(id, wire.Left)
			w.run(time.Second)
			root.expect("request", "established", "closed LEFT")
			leaf.expect("joined")
			root.e.CloseListener(w.now, lid)
			w.settle()
		})
	}
}

func TestRootInvites(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			w := newWorld(t)
			root, leaf := w.add("root", f.root), w.add("leaf", f.leaf)
			lid := leaf.listenLeaf()
			leaf.accepts(Answer{CalleeData: []byte{}, HasCalleeData: true})
			root.joinAsRoot(leaf, func(j *Join) { j.HasCallerData = true })
			w.run(time.Second)

			w.expectLines("root>leaf JOIN", "leaf>root PENDING", "leaf>root ACCEPT", "root>leaf CONFIRM")
			req := leaf.last(EventRequest)
			if !req.HasCallerData || len(req.CallerData) != 0 || req.QOS != nil || !reflect.DeepEqual(req.Session, root.session()) {
				t.Errorf("request %+v", req)
			}
			joined := root.last(EventJoined)
			if !joined.HasCalleeData || len(joined.CalleeData) != 0 || joined.Session != nil {
				t.Errorf("joined %+v", joined)
			}
			if err := root.e.Leave(w.now, joined.Assoc, wire.Dismantled); err != nil {
				t.Error(err)
			}
			w.run(time.Second)
			leaf.expect("request", "established", "closed DISMANTLED")
			leaf.e.CloseListener(w.now, lid)
			w.settle()
		})
	}
}
