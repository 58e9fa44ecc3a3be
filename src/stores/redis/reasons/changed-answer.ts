/** What Redis answered is not what arrives here. Only a function of the application can have changed it on the way. */
export class ChangedAnswer extends Error {
  constructor(command: string) {
    super(
      `the answer to ${command} was changed on its way: leave out \`Command.setReplyTransformer\` of ioredis for that command`,
    )
    this.name = 'ChangedAnswer'
  }
}
