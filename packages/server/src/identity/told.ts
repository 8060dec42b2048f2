/** How a route of the identity service is told of in the description of the API: what it does, and its answer. */
export const told = (summary: string, status = 200) => ({
  schema: {
    tags: ['identity'],
    summary,
    response: { [status]: { type: 'object', description: status === 204 ? 'Nothing.' : 'As in Keystone.' } },
  },
})
