//! The signalling protocol: frames, commands, events, rejections, and the client's reducer.
