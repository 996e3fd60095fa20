// Package reference holds tests and nothing else: the same question put to
// stack/ip and to Linux's own IP stack, on a wire that carries nothing but
// ours. A question is exact frames, or a call to a socket; the answer is what
// comes back on the wire or to the socket, as a short text.
//
// Each row of the table is one behaviour with what its source (an RFC) lets one
// expect. docs/kernel-reference.md is the table with both answers; the test
// fails where it no longer says what is observed, and where a row whose answers
// are not equal has no explanation. MPSTACK_UPDATE=1 rewrites the document:
//
//	go test -race -tags netns ./stack/ip/reference
//
// What Linux does is a fact of the kernel that the document names. On another
// one the test reports what differs and holds to account our column alone.
package reference
