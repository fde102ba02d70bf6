//! WebRTC for live rooms: seats publish, viewers watch, one UDP socket.
