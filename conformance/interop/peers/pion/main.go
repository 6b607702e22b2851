// Pion WebRTC as an agent: commands are lines of JSON on stdin, replies lines on stdout (see the README of the matrix).
// For version 3, as Debian packages it.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"net"
	"os"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v3"
)

// What may wait in a channel: Pion takes as much as it is given.
const maxWaiting = 1024 * 1024

var bind = flag.String("bind", "127.0.0.1", "the address to be reached at")

type command struct {
	Do, On, Label, Sdp, Dtls, Kind string
	Media                          bool
	Ordered                        *bool
	MaxRetransmits                 *uint16
	Seed                           int
	Sizes                          []int
}

type message struct {
	text    bool
	content []byte
}

type channel struct {
	pion     *webrtc.DataChannel
	waiting  []message
	Sent     []string `json:"sent"`
	Received []string `json:"received"`
}

type connection struct {
	pion     *webrtc.PeerConnection
	restarts bool // by the next offer
	lock     sync.Mutex
	channels map[string]*channel
	media    *media
}

// The message with this place in a row, as all agents make it.
func messageAt(seed, index, size int) message {
	content := make([]byte, size)
	at := func(place int) int { return seed + index + place + place>>8 }
	if index%2 == 1 {
		for place := range content {
			content[place] = byte(at(place))
		}
		return message{false, content}
	}
	for place := range content {
		content[place] = 'a' + byte(at(place)%26)
	}
	if long := "é€𝄞"; size >= len(long) {
		copy(content, long)
	}
	return message{true, content}
}

func (m message) digest() string {
	kind := "b"
	if m.text {
		kind = "t"
	}
	hash := sha256.Sum256(append([]byte(kind), m.content...))
	return hex.EncodeToString(hash[:8])
}

// It does not look at the offer's a=setup: the role that it answers with must be told.
func newConnection(dtls string, hasMedia bool) (*connection, error) {
	var settings webrtc.SettingEngine
	role := webrtc.DTLSRoleClient
	if dtls == "server" {
		role = webrtc.DTLSRoleServer
	}
	if err := settings.SetAnsweringDTLSRole(role); err != nil {
		return nil, err
	}
	address := net.ParseIP(*bind)
	settings.SetIPFilter(func(ip net.IP) bool { return ip.Equal(address) })
	engine, interceptors := &webrtc.MediaEngine{}, &interceptor.Registry{}
	if hasMedia {
		if err := registerCodecs(engine); err != nil {
			return nil, err
		}
		if err := webrtc.RegisterDefaultInterceptors(engine, interceptors); err != nil {
			return nil, err
		}
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(interceptors))
	pion, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	c := &connection{pion: pion, channels: map[string]*channel{}, media: newMedia(pion)}
	pion.OnDataChannel(c.adopt)
	go c.pump()
	return c, nil
}

// Any channel, ours or the peer's.
func (c *connection) adopt(pion *webrtc.DataChannel) {
	adopted := &channel{pion: pion, Sent: []string{}, Received: []string{}}
	c.lock.Lock()
	c.channels[pion.Label()] = adopted
	c.lock.Unlock()
	pion.OnMessage(func(m webrtc.DataChannelMessage) {
		c.lock.Lock()
		defer c.lock.Unlock()
		adopted.Received = append(adopted.Received, message{m.IsString, m.Data}.digest())
	})
}

// Sends what waits, as there is room.
func (c *connection) pump() {
	for range time.Tick(5 * time.Millisecond) {
		c.lock.Lock()
		for _, channel := range c.channels {
			for len(channel.waiting) > 0 && channel.pion.ReadyState() == webrtc.DataChannelStateOpen && channel.pion.BufferedAmount() < maxWaiting {
				next := channel.waiting[0]
				send := channel.pion.Send
				if next.text {
					send = func(content []byte) error { return channel.pion.SendText(string(content)) }
				}
				if send(next.content) != nil {
					break
				}
				channel.waiting = channel.waiting[1:]
				channel.Sent = append(channel.Sent, next.digest())
			}
		}
		c.lock.Unlock()
	}
}

// Makes the description take effect; gives it with all candidates.
func (c *connection) describe(description webrtc.SessionDescription, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	complete := webrtc.GatheringCompletePromise(c.pion)
	if err := c.pion.SetLocalDescription(description); err != nil {
		return nil, err
	}
	<-complete
	return map[string]string{"sdp": c.pion.LocalDescription().SDP}, nil
}

func (c *connection) state() any {
	c.lock.Lock()
	defer c.lock.Unlock()
	channels := map[string]any{}
	for label, channel := range c.channels {
		channels[label] = map[string]any{
			"state":    channel.pion.ReadyState().String(),
			"sent":     append([]string{}, channel.Sent...),
			"received": append([]string{}, channel.Received...),
		}
	}
	return map[string]any{"connection": c.pion.ConnectionState().String(), "channels": channels, "media": c.media.view()}
}

func (c *connection) channel(label string) (*channel, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if channel, known := c.channels[label]; known {
		return channel, nil
	}
	return nil, errors.New("no such channel")
}

func (c *connection) carryOut(order command) (any, error) {
	nothing := struct{}{}
	switch order.Do {
	case "open":
		init := &webrtc.DataChannelInit{Ordered: order.Ordered, MaxRetransmits: order.MaxRetransmits}
		pion, err := c.pion.CreateDataChannel(order.Label, init)
		if err == nil {
			c.adopt(pion)
		}
		return nothing, err
	case "media":
		return nothing, c.media.add(order.Kind)
	case "stop":
		return nothing, c.media.stop(order.Kind)
	case "keyframe":
		return nothing, c.media.wantKeyframe()
	case "restart":
		c.restarts = true
		return nothing, nil
	case "offer":
		options := &webrtc.OfferOptions{ICERestart: c.restarts}
		c.restarts = false
		return c.describe(c.pion.CreateOffer(options))
	case "answer":
		offer := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: order.Sdp}
		if err := c.pion.SetRemoteDescription(offer); err != nil {
			return nil, err
		}
		return c.describe(c.pion.CreateAnswer(nil))
	case "accept":
		answer := webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: order.Sdp}
		return nothing, c.pion.SetRemoteDescription(answer)
	case "send":
		channel, err := c.channel(order.Label)
		if err != nil {
			return nil, err
		}
		c.lock.Lock()
		defer c.lock.Unlock()
		for index, size := range order.Sizes {
			channel.waiting = append(channel.waiting, messageAt(order.Seed, index, size))
		}
		return nothing, nil
	case "close":
		channel, err := c.channel(order.Label)
		if err != nil {
			return nil, err
		}
		return nothing, channel.pion.Close()
	case "state":
		return c.state(), nil
	case "end":
		return nothing, c.pion.Close()
	}
	return nil, errors.New(order.Do + " is not implemented")
}

func main() {
	flag.Parse()
	out := json.NewEncoder(os.Stdout)
	os.Stdout = os.Stderr // Pion's log is no reply
	_ = out.Encode(map[string]string{"name": "pion", "version": version})
	connections := map[string]*connection{}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var order command
		var reply any = struct{}{}
		err = json.Unmarshal(line, &order)
		if err == nil && order.Do == "create" {
			connections[order.On], err = newConnection(order.Dtls, order.Media)
		} else if connection, known := connections[order.On]; err == nil && known {
			reply, err = connection.carryOut(order)
		} else if err == nil {
			err = errors.New("no such connection")
		}
		if err != nil {
			reply = map[string]string{"error": err.Error()}
		}
		_ = out.Encode(reply)
	}
}

// Set when it is built.
var version = "3"
