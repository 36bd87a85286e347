import './.config/jest-setup'

// VizLayout draws its body once it knows the height of its legend.
global.ResizeObserver = class {
  constructor(callback) {
    this.callback = callback
  }
  observe(target) {
    const rect = { width: 100, height: 20, top: 0, left: 0, right: 100, bottom: 20, x: 0, y: 0 }
    this.callback([{ target, contentRect: rect, borderBoxSize: [{ blockSize: 20, inlineSize: 100 }] }], this)
  }
  unobserve() {}
  disconnect() {}
}

// React asks for it; Node's own would keep the tests from ending.
global.MessageChannel = class {
  constructor() {
    this.port1 = { onmessage: null }
    this.port2 = { postMessage: (data) => setTimeout(() => this.port1.onmessage?.({ data }), 0) }
  }
}
