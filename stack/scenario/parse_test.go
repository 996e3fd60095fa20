package scenario

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack/winsock"
)

// small is a correct scenario; tests break it.
const small = `name: small
about: Two hosts on one link.
seed: 7
refresh: 30s
links:
  - {name: lan, delay: 1ms, mtu: 1500}
nodes:
  - name: root
    ports: [{name: eth0, link: lan, addrs: [10.0.1.10/24, "fd00:1::10/64"]}]
  - name: leaf
    kind: host
    ports: [{name: eth0, link: lan, addrs: [10.0.1.11/24]}]
    gateways: [10.0.1.10]
    routes: [{to: 10.0.9.0/24, via: 10.0.1.10}]
  - {name: old, kind: kernel, ports: [{name: eth0, link: lan, addrs: [10.0.1.12/24], backend: auto}]}
faults:
  - {link: lan, drop: mpj JOIN, nth: 1}
steps:
  - about: A root listens.
    on: root
    listen:
      socket: s
      protocol: mpj4
      bind: 10.0.1.10:5000
      backlog: 4
      qos: {sending: &flow {service: controlled-load, rate: 100000, bucket: 1500}}
      accept: [{from: leaf, caller: hello, callee: welcome, lower: {rate: 50000}}]
  - on: leaf
    join:
      {socket: s, protocol: mpj4, to: "10.0.1.10:5000", flags: receiver, caller: hello, room: 64, callee: welcome,
       qos: {receiving: *flow, confirm: true}}
  - {on: old, member: {socket: k, session: root/s}}
  - {on: root, send: {socket: s, count: 3, size: 100, interval: 10ms}}
  - {on: leaf, expect: {socket: s, received: 3, qos: [WSA_QOS_SENDERS], within: 2s}}
  - {on: old, expect: {socket: k, received: 3}}
  - {sleep: 1s}
  - {link: {port: leaf/eth0, up: false}}
  - {on: root, close: {socket: s@leaf}}
  - {on: leaf, expect: {socket: s, closed: 0}}
  - {on: root, close: {socket: s}}
`

func TestParse(t *testing.T) {
	sc, err := Parse("small.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if sc.Name != "small" || sc.Seed != 7 || sc.Refresh != 30*time.Second || len(sc.Steps) != 11 {
		t.Errorf("read %+v", sc)
	}
	join := sc.Steps[1].Join
	if join.Flags != FlagsReceiver || *join.Caller != "hello" || join.To.Port() != 5000 || join.Within != 0 {
		t.Errorf("join is %+v", join)
	}
	q := join.QOS.winsock()
	if q.Receiving.TokenRate != 100000 || q.Receiving.ServiceType != winsock.SERVICETYPE_CONTROLLEDLOAD ||
		q.Receiving.PeakBandwidth != winsock.QOS_NOT_SPECIFIED || q.Sending != winsock.NoTraffic {
		t.Errorf("QoS is %+v", q)
	}
	body, ok, err := winsock.FindObject(q.ProviderSpecific, winsock.RSVP_OBJECT_RESERVE_INFO)
	info, _ := winsock.ParseReserveInfo(body)
	if !ok || err != nil || !info.ConfirmRequest {
		t.Errorf("reserve info is %+v, %v, %v", info, ok, err)
	}
	if got := sc.Steps[4].Expect.QOS; len(got) != 1 || got[0] != Code(winsock.WSA_QOS_SENDERS) {
		t.Errorf("indications are %v", got)
	}
	if c := sc.Steps[9].Expect.Closed; c == nil || *c != 0 {
		t.Errorf("closed is %v", c)
	}
}

// TestMistakes breaks the small scenario in one place each.
func TestMistakes(t *testing.T) {
	for _, tt := range []struct {
		old, new string // replaced in small
		want     string // the whole error, or its beginning where it ends in "…"
	}{
		// YAML and types.
		{"seed: 7", "sead: 7", `s.yaml:3:1: unknown key "sead"; there are name, about, seed, refresh, links, nodes, faults, steps`},
		{"seed: 7", "seed: -7", `s.yaml:3:7: seed: -7 is below zero`},
		{"seed: 7", "seed: x", `s.yaml:3:7: seed: "x" where a whole number belongs`},
		{"seed: 7", "seed: 7\nseed: 8", `s.yaml:4:1: YAML: mapping key "seed" already defined…`},
		{"refresh: 30s", "refresh: 30", `s.yaml:4:10: refresh: "30" is no duration; write one such as 250ms, 5s or 1m30s`},
		{"mtu: 1500", "mtu: 1500.5", `s.yaml:6:34: links[0].mtu: "1500.5" where a whole number belongs`},
		{"mtu: 1500", "mtu: 99999999999", `s.yaml:6:34: links[0].mtu: 99999999999 is more than 2147483647`},
		{"[10.0.1.11/24]}]\n", "[10.0.1.11]}]\n", `s.yaml:12:45: nodes[1].ports[0].addrs[0]: "10.0.1.11" is no address with a prefix length; write one such as 10.0.1.10/24 or fd00:1::10/64`},
		{"gateways: [10.0.1.10]", "gateways: 10.0.1.10", `s.yaml:13:15: nodes[1].gateways: "10.0.1.10" where a list belongs; write [ ] around it`},
		{"- {sleep: 1s}", "- {sleep: [1s]}", `s.yaml:36:13: steps[6].sleep: a list where a duration belongs`},
		{"up: false", "up: no", `s.yaml:37:34: steps[7].link.up: "no" where true or false belongs`},
		{"received: 3, qos", "received:, qos", `s.yaml:34:45: steps[4].expect.received: nothing where a whole number belongs`},
		{"*flow", "*flaw", `s.yaml:31:25: steps[1].join.qos.receiving: no anchor &flaw before this`},
		{"closed: 0", "closed: WSAEFOO", `s.yaml:39:44: steps[9].expect.closed: no Winsock number is called "WSAEFOO"; write a name…`},
		{"{sleep: 1s}", "{sleep: 1s", `s.yaml:…`},
		// The network.
		{"name: small", "name: sm/all", `s.yaml:1:7: name: "sm/all": a name has letters, digits, dashes, dots and underscores only`},
		{"name: small\n", "", `s.yaml: name: is missing; give it a name`},
		{"mtu: 1500", "mtu: 100", `s.yaml:6:34: links[0].mtu: 100 is not between 1280 and 65535`},
		{"link: lan, addrs: [10.0.1.11/24]", "link: wan, addrs: [10.0.1.11/24]", `s.yaml:12:32: nodes[1].ports[0].link: no link "wan"; there are: lan`},
		{"[10.0.1.11/24]", "[10.0.1.10/24]", `s.yaml:12:45: nodes[1].ports[0].addrs[0]: 10.0.1.10 belongs to root/eth0 already…`},
		{"[10.0.1.11/24]", "[10.0.1.0/24]", `s.yaml:12:45: nodes[1].ports[0].addrs[0]: 10.0.1.0/24 is the network's own address; write a host address such as 10.0.1.1/24`},
		{"gateways: [10.0.1.10]", "gateways: [10.0.2.10]", `s.yaml:13:16: nodes[1].gateways[0]: 10.0.2.10 is in no network of node leaf; a gateway is a neighbour`},
		{"gateways: [10.0.1.10]", "gateways: [10.0.1.11]", `s.yaml:13:16: nodes[1].gateways[0]: 10.0.1.11 is the node's own address`},
		{"to: 10.0.9.0/24", "to: 10.0.9.1/24", `s.yaml:14:19: nodes[1].routes[0].to: 10.0.9.1/24 has host bits; did you mean 10.0.9.0/24?`},
		{"kind: host", "kind: switch", `s.yaml:11:11: nodes[1].kind: "switch" where host, router or kernel belongs`},
		{"backend: auto", "backend: raw", `s.yaml:15:95: nodes[2].ports[0].backend: a node of kind kernel cannot have a raw port`},
		{"- name: leaf", "- name: root", `s.yaml:10:11: nodes[1].name: a second node "root"…`},
		{"{link: lan, drop", "{link: wan, drop", `s.yaml:17:12: faults[0].link: no link "wan"; there are: lan`},
		{"drop: mpj JOIN", "drop: mpj JOYN", `s.yaml:17:23: faults[0].drop: fault: bad frame matcher "mpj JOYN"…`},
		{"nth: 1", "nth: -1", `s.yaml:17:38: faults[0].nth: -1 is below zero`},
		// Steps.
		{"{sleep: 1s}", "{about: nothing}", `s.yaml:36:5: steps[6]: no action; a step has one of listen, join, invite, open, member, send, expect, close, sleep or link`},
		{"{sleep: 1s}", "{sleep: 1s, close: {socket: s}}", `s.yaml:36:5: steps[6]: both close and sleep; a step has one action`},
		{"{sleep: 1s}", "{on: root, sleep: 1s}", `s.yaml:36:10: steps[6].on: sleep and link belong to no node; leave it out`},
		{"- {on: old, member", "- {on: odd, member", `s.yaml:32:10: steps[2].on: no node "odd"; there are: root, leaf, old…`},
		{"- {on: old, expect: {socket: k, received: 3}}", "- {on: old, send: {socket: k}}", `s.yaml:35:21: steps[5].send: node old is of kind kernel: it can only member, expect and close`},
		{"expect: {socket: k, received: 3}", "expect: {socket: k, closed: 0}", `s.yaml:35:23: steps[5].expect: a kernel's socket has no events; expect received alone`},
		{"expect: {socket: k, received: 3}", "expect: {socket: k}", `s.yaml:35:23: steps[5].expect: nothing; give received, qos or closed`},
		{"expect: {socket: k, received: 3}", "expect: {socket: x, received: 3}", `s.yaml:35:32: steps[5].expect.socket: node old has no socket "x" open here; open it by giving its protocol`},
		{"port: leaf/eth0", "port: leaf/eth1", `s.yaml:37:19: steps[7].link.port: no port "leaf/eth1"; write NODE/PORT`},
		{", up: false", "", `s.yaml:37:12: steps[7].link.up: is missing; write true or false`},
		{"bind: 10.0.1.10:5000", "bind: '[fd00:1::10]:5000'", `s.yaml:24:13: steps[0].listen.bind: [fd00:1::10]:5000 is not of the family of mpj4`},
		{"      bind: 10.0.1.10:5000\n", "", `s.yaml:22:7: steps[0].listen.bind: is missing: give the name that others join, an address with a port`},
		{"protocol: mpj4\n", "protocol: udp4\n", `s.yaml:23:17: steps[0].listen.protocol: a socket of udp4 cannot listen; use mpj4 or mpj6…`},
		{"protocol: mpj4\n", "protocol: mpj5\n", `s.yaml:23:17: steps[0].listen.protocol: "mpj5" where mpj4, mpj6, udp4 or udp6 belongs…`},
		{"from: leaf,", "from: leef,", `s.yaml:27:23: steps[0].listen.accept[0].from: no node "leef"; there are: root, leaf, old`},
		{"from: leaf,", "from: leaf, verdict: maybe,", `s.yaml:27:38: steps[0].listen.accept[0].verdict: "maybe" where accept, reject or defer belongs`},
		{"from: leaf,", "from: leaf, verdict: defer,", `s.yaml:27:16: steps[0].listen.accept[0].delay: goes with the verdict defer, and the verdict defer with a delay`},
		{"flags: receiver", "flags: listener", `s.yaml:30:64: steps[1].join.flags: "listener" where sender, receiver or both belongs`},
		{"to: \"10.0.1.10:5000\"", "to: \"[fd00:1::10]:5000\"", `s.yaml:30:39: steps[1].join.to: [fd00:1::10]:5000 is not of the family of mpj4`},
		{"to: \"10.0.1.10:5000\"", "to: 10.0.1.10", `s.yaml:30:39: steps[1].join.to: "10.0.1.10" is no address with a port; write one such as 10.0.1.10:5000 or "[fd00:1::10]:5000"`},
		{"room: 64", "room: 4", `s.yaml:30:95: steps[1].join.room: 4 bytes cannot hold the 7 of callee data that are expected`},
		{"room: 64", "room: 1000", `s.yaml:30:95: steps[1].join.room: 1000 is not between 0 and 896`},
		{"caller: hello, room", "caller: " + strings.Repeat("x", 897) + ", room", `s.yaml:30:82: steps[1].join.caller: 897 bytes are more than 896`},
		{"service: controlled-load", "service: best", `s.yaml:26:38: steps[0].listen.qos.sending.service: "best" where no-traffic, best-effort, controlled-load or guaranteed belongs…`},
		{"service: controlled-load, ", "", `s.yaml:26:28: steps[0].listen.qos.sending.service: is missing; give one of no-traffic, best-effort, controlled-load or guaranteed…`},
		{"session: root/s", "session: root/x", `s.yaml:32:44: steps[2].member.session: "root/x" is no root's socket that is open here; write NODE/SOCKET`},
		{"session: root/s", "group: 10.0.0.1:5000", `s.yaml:32:42: steps[2].member.group: is no group with a port; give one, or a session…`},
		{"size: 100", "size: 5", `s.yaml:33:50: steps[3].send.size: 5 is not between 16 and 65507`},
		{"s@leaf", "s@lief", `s.yaml:38:32: steps[8].close.socket: "s@lief": no node "lief"`},
		{"s@leaf", "t@leaf", `s.yaml:38:32: steps[8].close.socket: node root has no socket "t@leaf" open here; open it by giving its protocol`},
		{"- {sleep: 1s}", "- {on: root, close: {socket: s}}", `s.yaml:40:32: steps[10].close.socket: socket root/s was closed before`},
	} {
		if !strings.Contains(small, tt.old) {
			t.Fatalf("the small scenario has no %q", tt.old)
		}
		_, err := Parse("s.yaml", []byte(strings.Replace(small, tt.old, tt.new, 1)))
		if err == nil {
			t.Errorf("%q for %q is taken; want %s", tt.new, tt.old, tt.want)
			continue
		}
		want, open := strings.CutSuffix(tt.want, "…")
		if got := err.Error(); got != want && !(open && strings.HasPrefix(got, want)) {
			t.Errorf("%q for %q:\n got %s\nwant %s", tt.new, tt.old, got, tt.want)
		}
		if _, ok := errors.AsType[*Error](err); !ok {
			t.Errorf("%q for %q: no *Error in %T", tt.new, tt.old, err)
		}
	}
}

func TestNoScenario(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "f:1:1: the file holds no scenario",
		"# nothing":              "f:1:1: the file holds no scenario",
		"- a":                    "f:1:1: a list where keys with values belong: name, about, seed, refresh, links, nodes, faults, steps",
		small + "---\nname: two": "f:42:1: a second document; a file holds one scenario",
	} {
		if _, err := Parse("f", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestAllMistakes checks that one mistake does not hide another.
func TestAllMistakes(t *testing.T) {
	text := strings.NewReplacer("seed: 7", "seed: x", "delay: 1ms", "delay: 1", "up: false", "up: 3").Replace(small)
	_, err := Parse("f", []byte(text))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v", err)
	}
}

// TestCheckWithoutFile checks a scenario that was built in Go: its mistakes
// have a path and no line.
func TestCheckWithoutFile(t *testing.T) {
	sc := &Scenario{Name: "x", Links: []Link{{Name: "lan"}}, Nodes: []Node{{Name: "a"}}, Steps: []Step{{}}}
	err := sc.Check()
	want := "nodes[0].ports: 0 ports; a node has 1 to 250\n" +
		"steps[0]: no action; a step has one of listen, join, invite, open, member, send, expect, close, sleep or link"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// TestDocumented checks that the package documentation names every key.
func TestDocumented(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var look func(typ reflect.Type)
	look = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || typ.PkgPath() != reflect.TypeFor[Scenario]().PkgPath() {
			return
		}
		for f := range typ.Fields() {
			key := f.Tag.Get("yaml")
			if key == "" {
				continue
			}
			if !strings.Contains(string(doc), key+":") {
				t.Errorf("doc.go does not describe the key %s of %s", key, typ.Name())
			}
			look(f.Type)
		}
	}
	look(reflect.TypeFor[Scenario]())
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("name: [\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		sc, err := Parse("f", data)
		if (sc == nil) == (err == nil) {
			t.Errorf("got %v and %v", sc, err)
		}
	})
}

func TestTally(t *testing.T) {
	var tally Tally
	for _, p := range []struct {
		socket, seq uint32
		size        int
	}{{1, 3, 16}, {1, 4, 100}, {1, 4, 100}, {2, 9, 400}, {1, 7, 16}, {1, 6, 16}} {
		tally.put(appendPayload(nil, p.socket, p.seq, p.size))
	}
	bent := appendPayload(nil, 1, 8, 40)
	bent[39] ^= 1
	tally.put(bent)
	tally.put([]byte("hello"))
	tally.put(appendPayload(nil, 1, maxCount+1, 16))
	if tally.Received != 5 || tally.Duplicated != 1 || tally.Lost != 1 || tally.Foreign != 3 {
		t.Errorf("counted %+v", tally)
	}
}
