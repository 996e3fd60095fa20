// Package replay is a link that a recording is played to: frames come in as a
// sequence has them, at the instants that it has, and what is sent goes to a
// function. It is a machine (package internal/machine): Deadline says when the
// next frame arrives, Advance brings the instant, Next hands out what has
// arrived. Nothing is read of the sequence before it is asked for, so that a
// recording of any length is played from its file.
//
// Time is the recording's, moved to Config.Start and divided by Config.Speed.
// Frames keep their order: one that is recorded as earlier than the frame before
// it arrives together with that.
//
// Frames from the link's own address are what the recorded host sent; they are
// dropped and counted, as on every link.
//
// What is not here: reading of capture files (package capture does), the choice
// of one port's frames and the rewriting of addresses (a sequence can be wrapped
// in another), reaction to what is sent: a recording does not listen.
package replay
