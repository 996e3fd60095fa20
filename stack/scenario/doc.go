// Package scenario reads and runs scenarios: a small network, what goes wrong
// in it, what its nodes do, and what they must see. The same file runs on two
// substrates:
//
//	mem    one process in virtual time, without privilege, the same bytes every
//	       time for the same seed
//	netns  network namespaces of Linux, over veth and TAP, in real time
//
// [Load] reads a file, [Run] runs it, and [Result] says what came of it:
// expectations, timeline, frames, counts.
//
// # The format
//
// A scenario is one YAML document. Unknown keys are errors; every error names
// file, line and column. Anchors (&x) and aliases (*x) work. Durations are
// written 250ms, 5s, 1m30s.
//
//	name: demo                 # letters, digits, dashes
//	about: What it shows.      # for a reader
//	seed: 1                    # of every random stream
//	refresh: 30s               # RSVP's refresh period; 30s where left out
//
// The network. A link is an Ethernet segment. MAC addresses are
// 02:00:00:00:NODE:PORT, both counted from 1.
//
//	links:
//	  - name: lan1
//	    delay: 1ms             # one way; on netns the kernel's own
//	    mtu: 1500              # greatest IP packet
//	nodes:
//	  - name: leaf1
//	    kind: host             # host (default), router (forwards, queries, RSVP at each hop),
//	                           # kernel (Linux's IP stack; on mem plain UDP sockets of ours)
//	    ports:
//	      - name: eth0
//	        link: lan1
//	        addrs: [10.0.2.11/24, "fd00:2::11/64"]
//	        backend: auto      # on netns: auto, raw (AF_PACKET on a veth), tap (a host's)
//	    gateways: [10.0.2.1, "fd00:2::1"]   # default routes, one a family
//	    routes:
//	      - {to: 10.9.0.0/16, via: 10.0.2.2}
//	faults:
//	  - {link: lan1, drop: mpj JOIN from leaf1, nth: 1}   # see package stack/link/fault
//
// The steps run in order, each on one node. A node's sockets have names; they
// stay open until a step closes them. Sockets that accepting or inviting makes
// are named SOCKET@NODE after the peer's node (the second of them SOCKET@NODE#2,
// an unknown peer by its address), and are closed when they hear that their
// session is over.
//
//	steps:
//	  - about: The root opens its session.   # a heading for the timeline
//	    on: root
//	    listen:                # a root takes joins, a leaf takes invitations
//	      socket: s
//	      protocol: mpj4       # mpj4, mpj6: opens the socket; left out where it is open
//	      role: root           # root (default) or leaf
//	      bind: 10.0.1.10:5000 # the name that others join
//	      backlog: 8
//	      ttl: 32              # multicast scope; 0 leaves the protocol's
//	      qos:                 # flowspecs; a direction left out has no traffic
//	        sending:
//	          service: controlled-load   # no-traffic, best-effort, controlled-load, guaranteed
//	          rate: 100000               # bytes per second
//	          bucket: 3000               # bytes
//	          peak: 200000               # bytes per second
//	          latency: 1000              # microseconds
//	          delay-variation: 1000      # microseconds
//	          max-sdu: 1500              # bytes
//	          min-policed: 128           # bytes
//	        receiving: {service: no-traffic}
//	        confirm: true      # ask that the reservation be confirmed
//	      accept:              # the condition function: the first rule that fits; none accepts
//	        - from: leaf1      # the asking node; left out: any
//	          verdict: defer   # accept (default), reject, or defer: accept after the delay
//	          delay: 1s
//	          caller: hello    # expectation: the caller data
//	          callee: welcome  # callee data to give back
//	          lower: {rate: 50000}       # of the leaf's receiving flowspec
//	  - on: leaf1
//	    join:                  # JoinLeaf on a leaf: to a root, or (udp4, udp6) to a group
//	      socket: s
//	      protocol: mpj4       # mpj4, mpj6, udp4, udp6
//	      bind: 0.0.0.0:6000   # left out: as the protocol chooses
//	      ttl: 1
//	      to: 10.0.1.10:5000
//	      flags: receiver      # sender, receiver, both (default)
//	      caller: hello        # caller data
//	      room: 64             # room for callee data; left out: it is discarded
//	      qos: {receiving: {service: controlled-load, rate: 100000}, confirm: true}
//	      callee: welcome      # expectation: the callee data
//	      fails: WSAECONNREFUSED         # expectation: the error
//	      within: 40s          # bound (default 40s)
//	  - on: root
//	    invite: {socket: s, to: "10.0.2.11:7000"}   # JoinLeaf on a root; keys as in join
//	  - on: root
//	    open: {socket: p, protocol: mpj4, role: root, bind: "10.0.1.10:5001", ttl: 8}
//	                           # a socket, bound and no more; plain UDP has no role
//	  - on: old
//	    member:                # a plain UDP socket that receives one source's data to a group
//	      socket: k
//	      session: root/s      # those of a root's session, once a join has shown them; or
//	      group: 232.1.2.3:5000
//	      source: 10.0.1.10
//	      within: 10s
//	  - on: root
//	    send:                  # numbered datagrams
//	      socket: s
//	      to: 10.0.2.11:9000   # left out: to the session
//	      count: 20
//	      size: 512            # bytes
//	      interval: 10ms
//	      fails: WSAEMSGSIZE   # expectation: the error of the first
//	  - on: leaf1
//	    expect:                # waits until all of it is true of the socket since it was made
//	      socket: s
//	      received: 20         # different datagrams, none lost, twice or foreign;
//	                           # 0: none comes within the bound
//	      qos: [WSA_QOS_SENDERS, WSA_QOS_REQUEST_CONFIRMED]
//	      closed: WSAECONNRESET          # FD_CLOSE came with this code; 0 is none
//	      within: 10s          # bound (default 10s)
//	  - on: leaf1
//	    close: {socket: s}     # a leaf leaves; a root ends its session
//	  - sleep: 1s
//	  - link: {port: leaf1/eth0, up: false}
//
// An expectation that fails is noted, and the steps go on; a call that fails
// ends them. Afterwards the network gets time to come to rest, and what is left
// then is a finding.
//
// # Substrates
//
// On mem a link has any number of ports, and a node of kind kernel is a stack
// of ours that opens plain UDP sockets only.
//
// On netns every node is an anonymous network namespace, which the kernel
// removes with the process, and a link has two ports: a veth pair, or a TAP
// device in the one namespace with its descriptor in the other's stack. Where
// the system allows no TAP device, veth takes its place and the timeline says
// so. Delays are the kernel's. Each frame is captured once, at its sender's
// port; those of a kernel's node at our port, when they come in. Tags and
// cookies come from crypto/rand. Namespaces need CAP_SYS_ADMIN and
// CAP_NET_ADMIN.
//
// # Concurrency
//
// Run may be called from any goroutine, several at once; each run is a world of
// its own. On mem the callbacks of [Options] come from the goroutine that called
// Run; on netns one at a time, from any.
//
// Not here: writing files, printing, lasting testbeds.
package scenario
