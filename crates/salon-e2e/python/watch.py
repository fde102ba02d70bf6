"""Watches a room with aiortc over WHEP and prints, as one line of JSON, what was decoded and what was lost.

The offer has the shape of the page's: four audio and four video sections that receive.
"""

import argparse
import asyncio
import json
import time
import urllib.request

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

SEATS = 4
# How long the server may take to answer. Generous: it may be busy.
ANSWER_SECONDS_MAX = 20


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("whep", help="the room's WHEP address")
    parser.add_argument("token", help="the token of somebody who may watch")
    parser.add_argument("--start-seconds-max", type=float, required=True, help="until the first picture")
    parser.add_argument("--seconds", type=float, required=True, help="to count for, from then on")
    parser.add_argument("--detour", nargs=2, metavar="ADDRESS:PORT", help="the server's media port, and what to use instead")
    return parser.parse_args()


def post(address, token, offer):
    headers = {"content-type": "application/sdp", "authorization": f"Bearer {token}"}
    request = urllib.request.Request(address, offer.encode(), headers)
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS_MAX) as response:
        return response.read().decode()


def led_through(answer, detour):
    old, new = (f" {address.replace(':', ' ')} typ " for address in detour)
    if old not in answer:
        raise SystemExit(f"no candidate{old}in {answer}")
    return answer.replace(old, new)


class Counter:
    """Takes every frame of one track, because frames that nobody takes pile up."""

    def __init__(self, receiver):
        self.receiver = receiver
        self.frames = 0
        self.width = 0
        self.first = asyncio.Event()
        self.task = asyncio.create_task(self.take())

    async def take(self):
        try:
            while True:
                frame = await self.receiver.track.recv()
                self.frames += 1
                self.width = getattr(frame, "width", 0)
                self.first.set()
        except MediaStreamError:
            pass

    def packets(self):
        """Packets received and lost, and packets that came as repairs."""
        # getStats() names one stream a receiver, and with RTX that may be the repairs. The requirements pin the
        # version whose fields these are.
        streams = self.receiver._RTCRtpReceiver__remote_streams
        repairs = self.receiver._RTCRtpReceiver__rtx_ssrc
        media = [stream for ssrc, stream in streams.items() if ssrc not in repairs]
        return {
            "received": sum(stream.packets_received for stream in media),
            "lost": sum(stream.packets_lost for stream in media),
            "repaired": sum(streams[ssrc].packets_received for ssrc in repairs if ssrc in streams),
        }


async def main():
    options = arguments()
    connection = RTCPeerConnection()
    kinds = ["audio"] * SEATS + ["video"] * SEATS
    for kind in kinds:
        connection.addTransceiver(kind, direction="recvonly")
    await connection.setLocalDescription(await connection.createOffer())
    offer = connection.localDescription.sdp
    answer = await asyncio.to_thread(post, options.whep, options.token, offer)
    if options.detour:
        answer = led_through(answer, options.detour)
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    counters = [Counter(transceiver.receiver) for transceiver in connection.getTransceivers()]
    pictures = [asyncio.create_task(counter.first.wait()) for counter in counters[SEATS:]]
    done, _ = await asyncio.wait(pictures, timeout=options.start_seconds_max, return_when=asyncio.FIRST_COMPLETED)
    if not done:
        packets = [counter.packets() for counter in counters]
        raise SystemExit(f"no picture; connection is {connection.connectionState}, packets {packets}")

    def reading():
        return [{"frames": counter.frames, "width": counter.width, **counter.packets()} for counter in counters]

    started, before = time.monotonic(), reading()
    await asyncio.sleep(options.seconds)
    after, seconds = reading(), time.monotonic() - started
    gained = lambda key, i: after[i][key] - before[i][key]
    slots = [
        {
            "kind": kind,
            "width": after[i]["width"],
            **{key: gained(key, i) for key in ("frames", "received", "lost", "repaired")},
        }
        for i, kind in enumerate(kinds)
    ]
    print(json.dumps({"seconds": seconds, "slots": slots}), flush=True)
    await connection.close()


asyncio.run(main())
