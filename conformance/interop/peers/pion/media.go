package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"sort"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v3"
)

const period = 20 * time.Millisecond

var silence, _ = hex.DecodeString("fb4108fffe")
var grey, _ = hex.DecodeString("1002009d012a100010000047088585889984880202000619680000")

// Opus and VP8. Not those that it has by default: among them it agrees to retransmissions (RFC 4588), and then reads none.
func registerCodecs(engine *webrtc.MediaEngine) error {
	opus := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}
	if err := engine.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: opus, PayloadType: 111}, webrtc.RTPCodecTypeAudio); err != nil {
		return err
	}
	vp8 := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: []webrtc.RTCPFeedback{{Type: "ccm", Parameter: "fir"}}}
	return engine.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: vp8, PayloadType: 96}, webrtc.RTPCodecTypeVideo)
}

// The frame with this number, as all agents make it.
func frameAt(kind string, number uint32) []byte {
	if kind == "audio" {
		frame := binary.BigEndian.AppendUint32(append([]byte{}, silence...), number)
		return binary.BigEndian.AppendUint32(frame, ^number)
	}
	frame := binary.BigEndian.AppendUint32(append([]byte{}, grey...), number)
	for place := uint32(0); place < number*37%900; place++ {
		frame = append(frame, byte(number+place))
	}
	return frame
}

// What happened to the streams of one kind.
type stream struct {
	Sent            uint32      `json:"sent"`
	Received        [][2]uint32 `json:"received"`
	Repeated        int         `json:"repeated"`
	Wrong           int         `json:"wrong"`
	KeyframesWanted int         `json:"keyframesWanted"`
	Missed          int         `json:"missed"` // that the other side has asked for again
	SenderReports   int         `json:"senderReports"`
	ReceiverReports int         `json:"receiverReports"`
	Lost            uint32      `json:"lost"`
	RoundTripMs     float64     `json:"roundTripMs"`
	numbers         map[uint32]bool
}

type media struct {
	pion    *webrtc.PeerConnection
	lock    sync.Mutex
	streams map[string]*stream
	senders map[string]*webrtc.RTPTransceiver
	coming  map[webrtc.SSRC]string
}

func newMedia(pion *webrtc.PeerConnection) *media {
	m := &media{pion: pion, streams: map[string]*stream{}, senders: map[string]*webrtc.RTPTransceiver{}, coming: map[webrtc.SSRC]string{}}
	for _, kind := range []string{"audio", "video"} {
		m.streams[kind] = &stream{numbers: map[uint32]bool{}}
	}
	pion.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		kind := track.Kind().String()
		m.with(kind, func(*stream) { m.coming[track.SSRC()] = kind })
		go m.heedSenderReports(kind, receiver)
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				m.with(kind, func(*stream) { delete(m.coming, track.SSRC()) })
				return
			}
			m.with(kind, func(s *stream) { s.receive(kind, packet) })
		}
	})
	return m
}

func (m *media) with(kind string, act func(*stream)) {
	m.lock.Lock()
	defer m.lock.Unlock()
	act(m.streams[kind])
}

func (s *stream) receive(kind string, packet *rtp.Packet) {
	frame, begins := packet.Payload, len(silence)
	if kind == "video" {
		var err error
		if frame, err = (&codecs.VP8Packet{}).Unmarshal(packet.Payload); err != nil {
			s.Wrong++
			return
		}
		begins = len(grey)
	}
	if len(frame) < begins+4 {
		s.Wrong++
		return
	}
	number := binary.BigEndian.Uint32(frame[begins:])
	if !bytes.Equal(frame, frameAt(kind, number)) {
		s.Wrong++
	} else if s.numbers[number] {
		s.Repeated++
	}
	s.numbers[number] = true
}

// Numbers of what came, as ranges with both ends in them.
func (s *stream) ranges() [][2]uint32 {
	numbers := make([]uint32, 0, len(s.numbers))
	for number := range s.numbers {
		numbers = append(numbers, number)
	}
	sort.Slice(numbers, func(a, b int) bool { return numbers[a] < numbers[b] })
	found := [][2]uint32{}
	for _, number := range numbers {
		if last := len(found) - 1; last >= 0 && found[last][1]+1 == number {
			found[last][1] = number
		} else {
			found = append(found, [2]uint32{number, number})
		}
	}
	return found
}

// Something to send, from the next exchange on.
func (m *media) add(kind string) error {
	codec := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	if kind == "video" {
		codec = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}
	}
	track, err := webrtc.NewTrackLocalStaticRTP(codec, kind, "agent")
	if err != nil {
		return err
	}
	sender, err := m.pion.AddTrack(track)
	if err != nil {
		return err
	}
	for _, transceiver := range m.pion.GetTransceivers() {
		if transceiver.Sender() == sender {
			m.with(kind, func(*stream) { m.senders[kind] = transceiver })
		}
	}
	go m.heedReceiverReports(kind, sender)
	go m.send(kind, track, sender)
	return nil
}

// A frame each 20 ms while there is a connection, until the sender is stopped.
func (m *media) send(kind string, track *webrtc.TrackLocalStaticRTP, sender *webrtc.RTPSender) {
	step := map[string]uint32{"audio": 960, "video": 1800}[kind]
	sequence := uint16(1000)
	for range time.Tick(period) {
		state := m.pion.ConnectionState()
		if state == webrtc.PeerConnectionStateClosed {
			return
		}
		isOver := false
		m.with(kind, func(s *stream) {
			isOver = m.senders[kind] == nil || m.senders[kind].Sender() != sender
			if state != webrtc.PeerConnectionStateConnected || isOver || len(sender.GetParameters().Encodings) == 0 {
				return
			}
			payload := frameAt(kind, s.Sent)
			if kind == "video" {
				payload = append([]byte{0x90, 0x80, 0x80 | byte(s.Sent>>8), byte(s.Sent)}, payload...)
			}
			header := rtp.Header{Version: 2, SequenceNumber: sequence, Timestamp: uint32(sequence) * step, Marker: kind == "video"}
			if track.WriteRTP(&rtp.Packet{Header: header, Payload: payload}) == nil {
				s.Sent++
				sequence++
			}
		})
		if isOver {
			return
		}
	}
}

// What comes with reports of what we send.
func (m *media) heedReceiverReports(kind string, sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		m.with(kind, func(s *stream) {
			for _, packet := range packets {
				switch packet := packet.(type) {
				case *rtcp.ReceiverReport:
					s.heed(packet.Reports, sender)
				case *rtcp.SenderReport:
					s.heed(packet.Reports, sender)
				case *rtcp.TransportLayerNack:
					for _, pair := range packet.Nacks {
						s.Missed += len(pair.PacketList())
					}
				case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
					s.KeyframesWanted++
				}
			}
		})
	}
}

// RFC 3550 §6.4.1: the round trip is what has passed since the report that it answers, without the time that it lay there.
func (s *stream) heed(reports []rtcp.ReceptionReport, sender *webrtc.RTPSender) {
	for _, report := range reports {
		if report.SSRC != uint32(sender.GetParameters().Encodings[0].SSRC) {
			continue
		}
		s.ReceiverReports++
		s.Lost = report.TotalLost
		if report.LastSenderReport != 0 {
			since1900 := time.Now().UnixNano() + 2208988800*int64(time.Second)
			seconds, rest := since1900/int64(time.Second), since1900%int64(time.Second)
			now := uint32(seconds)<<16 | uint32(rest<<16/int64(time.Second))
			s.RoundTripMs = float64(int32(now-report.LastSenderReport-report.Delay)) / 65536 * 1000
		}
	}
}

func (m *media) heedSenderReports(kind string, receiver *webrtc.RTPReceiver) {
	for {
		packets, _, err := receiver.ReadRTCP()
		if err != nil {
			return
		}
		m.with(kind, func(s *stream) {
			for _, packet := range packets {
				if report, isOne := packet.(*rtcp.SenderReport); isOne && m.coming[webrtc.SSRC(report.SSRC)] == kind {
					s.SenderReports++
				}
			}
		})
	}
}

func (m *media) stop(kind string) error {
	m.lock.Lock()
	transceiver := m.senders[kind]
	delete(m.senders, kind)
	m.lock.Unlock()
	if transceiver == nil {
		return errors.New("nothing is sent")
	}
	return transceiver.Stop()
}

func (m *media) wantKeyframe() error {
	m.lock.Lock()
	defer m.lock.Unlock()
	wanted := []rtcp.Packet{}
	for ssrc, kind := range m.coming {
		if kind == "video" {
			wanted = append(wanted, &rtcp.PictureLossIndication{MediaSSRC: uint32(ssrc)})
		}
	}
	return m.pion.WriteRTCP(wanted)
}

func (m *media) view() any {
	m.lock.Lock()
	defer m.lock.Unlock()
	view := map[string]stream{}
	for kind, s := range m.streams {
		s.Received = s.ranges()
		view[kind] = *s
	}
	return view
}
