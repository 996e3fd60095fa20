// Package capturetest is for tests of captures, of this project's and of those
// who use it: frames of every kind that the stack speaks, built by its own
// codecs, and tshark as a judge of capture files.
//
// [Samples] returns the frames; [Judge] runs tshark with our dissector over a
// file and lists what is not right about it. tshark must be installed: a test
// that needs it fails without it, rather than being skipped.
//
// Programs do not import this package.
package capturetest
